//! WebSocket frames (RFC 6455 section 5) with SIP in them (RFC 7118): each message is one SIP message.
//!
//! A passive reader sees each direction by itself and may come late, so that the frames must be recognised without
//! the handshake too. Messages compressed by permessage-deflate (RFC 7692) are counted and not decoded: the state of
//! the compressor would have to be followed from the first frame of the connection on.

use memchr::memmem;

use crate::sip::framing::MAX_MESSAGE;
use crate::sip::start_line::is_token;

/// The longest HTTP head that is looked at for an upgrade.
pub(crate) const MAX_HANDSHAKE: usize = 8 * 1024;
/// So many bytes of a frame's payload tell whether SIP begins there: a method, a space and the scheme of a URI.
const RECOGNISED_BY: usize = 26;
/// The longest payload of a control frame (RFC 6455 section 5.5).
const MAX_CONTROL: u64 = 125;

/// The head of one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHead {
    /// The message ends with this frame.
    fin: bool,
    /// RSV1: the message is compressed (RFC 7692 section 6).
    compressed: bool,
    opcode: u8,
    mask: Option<[u8; 4]>,
    /// Bytes of the head.
    head_len: usize,
    /// Bytes of the payload.
    payload_len: usize,
}

const CONTINUATION: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PONG: u8 = 10;

impl FrameHead {
    /// Bytes of the whole frame.
    fn len(&self) -> usize {
        self.head_len + self.payload_len
    }

    fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }

    /// Appends the payload without its mask.
    fn unmask(&self, payload: &[u8], out: &mut Vec<u8>) {
        match self.mask {
            None => out.extend_from_slice(payload),
            Some(mask) => out.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key)),
        }
    }
}

/// What the first bytes of a frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Parsed {
    Head(FrameHead),
    /// The head goes on in bytes that have not arrived.
    Incomplete,
    /// No frame that SIP uses begins here.
    Bad,
}

/// Parses the head of a frame (RFC 6455 section 5.2).
fn frame_head(bytes: &[u8]) -> Parsed {
    let Some(first) = bytes.first() else {
        return Parsed::Incomplete;
    };
    let (fin, compressed, opcode) = (first & 0x80 != 0, first & 0x40 != 0, first & 0x0f);
    let known = matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE..=PONG);
    if first & 0x30 != 0 || !known {
        return Parsed::Bad;
    }
    let Some(second) = bytes.get(1) else {
        return Parsed::Incomplete;
    };
    let length = |range: std::ops::Range<usize>| {
        let bytes = bytes.get(range)?;
        Some(bytes.iter().fold(0u64, |n, byte| n << 8 | u64::from(*byte)))
    };
    // The shortest form is mandatory, so the others have a least value too.
    let (payload_len, least, at) = match second & 0x7f {
        126 => (length(2..4), 126, 4),
        127 => (length(2..10), 65_536, 10),
        short => (Some(u64::from(short)), 0, 2),
    };
    let Some(payload_len) = payload_len else {
        return Parsed::Incomplete;
    };
    let control = opcode >= CLOSE;
    if payload_len < least
        || payload_len > MAX_MESSAGE as u64
        || control && (payload_len > MAX_CONTROL || !fin || compressed)
        || compressed && opcode == CONTINUATION
    {
        return Parsed::Bad;
    }
    let mask = if second & 0x80 == 0 {
        None
    } else {
        match bytes.get(at..at + 4).and_then(|key| key.try_into().ok()) {
            Some(key) => Some(key),
            None => return Parsed::Incomplete,
        }
    };
    Parsed::Head(FrameHead {
        fin,
        compressed,
        opcode,
        mask,
        head_len: at + if mask.is_some() { 4 } else { 0 },
        payload_len: payload_len as usize,
    })
}

/// Whether a frame that begins a SIP message stands at the front; `None` while too little of it has arrived.
pub(crate) fn starts_sip_frame(bytes: &[u8]) -> Option<bool> {
    if bytes
        .first()
        .is_some_and(|first| !matches!(first & 0x7f, TEXT | BINARY))
    {
        return Some(false);
    }
    let head = match frame_head(bytes) {
        Parsed::Head(head) => head,
        Parsed::Incomplete => return None,
        Parsed::Bad => return Some(false),
    };
    if head.payload_len < RECOGNISED_BY {
        return Some(false);
    }
    let there = &bytes[head.head_len..];
    let mut shown = [0u8; RECOGNISED_BY];
    let len = there.len().min(RECOGNISED_BY);
    let mask = head.mask.unwrap_or_default();
    for (at, byte) in there[..len].iter().enumerate() {
        shown[at] = byte ^ mask[at % 4];
    }
    begins_sip(&shown[..len])
}

/// Whether [`RECOGNISED_BY`] bytes begin a SIP message; `None` while fewer of them leave it open.
fn begins_sip(shown: &[u8]) -> Option<bool> {
    let open = |wrong: bool| {
        if wrong || shown.len() >= RECOGNISED_BY {
            Some(false)
        } else {
            None
        }
    };
    let version = b"SIP/2.0 ";
    let seen = shown.len().min(version.len());
    if shown[..seen] == version[..seen] {
        return if seen == version.len() { Some(true) } else { open(false) };
    }
    let method_end = shown.iter().position(|b| !is_token(*b));
    let Some(method_end) = method_end else {
        return open(false);
    };
    if method_end == 0 || shown[method_end] != b' ' {
        return Some(false);
    }
    let uri = &shown[method_end + 1..];
    let schemes: [&[u8]; 4] = [b"sip:", b"sips:", b"tel:", b"urn:"];
    let fits = |scheme: &&[u8]| {
        let seen = uri.len().min(scheme.len());
        uri[..seen].eq_ignore_ascii_case(&scheme[..seen])
    };
    if schemes.iter().any(|scheme| uri.len() >= scheme.len() && fits(scheme)) {
        return Some(true);
    }
    open(!schemes.iter().any(fits))
}

/// What an HTTP head at the front of a stream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshake {
    /// The bytes are no HTTP head.
    None,
    /// The head goes on in bytes that have not arrived.
    Incomplete,
    /// A head of that many bytes, after which WebSocket frames follow.
    WebSocket(usize),
    /// A head of that many bytes, after which something else follows.
    Other(usize),
}

/// Reads an upgrade to WebSocket (RFC 6455 section 4, RFC 7118 section 5), request or response.
pub(crate) fn handshake(bytes: &[u8]) -> Handshake {
    let request = bytes.starts_with(b"GET ");
    if !request && !bytes.starts_with(b"HTTP/1.1 ") {
        return Handshake::None;
    }
    let window = &bytes[..bytes.len().min(MAX_HANDSHAKE)];
    let Some(end) = memmem::find(window, b"\r\n\r\n") else {
        return if bytes.len() < MAX_HANDSHAKE {
            Handshake::Incomplete
        } else {
            Handshake::None
        };
    };
    let len = end + 4;
    let mut lines = bytes[..end].split(|b| *b == b'\n');
    let first = lines.next().unwrap_or_default();
    let switches = request || first.starts_with(b"HTTP/1.1 101");
    let mut upgrades = false;
    let mut offers_other = false;
    for line in lines {
        let Some(colon) = line.iter().position(|b| *b == b':') else {
            continue;
        };
        let (name, value) = (line[..colon].trim_ascii(), &line[colon + 1..]);
        let lists = |word: &[u8]| {
            value
                .split(|b| *b == b',')
                .any(|one| one.trim_ascii().eq_ignore_ascii_case(word))
        };
        if name.eq_ignore_ascii_case(b"Upgrade") {
            upgrades |= lists(b"websocket");
        } else if name.eq_ignore_ascii_case(b"Sec-WebSocket-Protocol") {
            offers_other = !lists(b"sip");
        }
    }
    if switches && upgrades && !offers_other {
        Handshake::WebSocket(len)
    } else {
        Handshake::Other(len)
    }
}

/// What was done with the bytes at the front of one direction of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// The frame goes on in bytes that have not arrived.
    Incomplete,
    /// A frame of that many bytes that completes no message.
    Frame(usize),
    /// A frame of that many bytes of a compressed message.
    Compressed(usize),
    /// A frame of `len` bytes that completes a message.
    Message {
        /// Bytes of the frame.
        len: usize,
        /// The whole message without masks.
        payload: &'a [u8],
    },
    /// That many bytes are no frame, or belong to no message; 0 when the place was only marked as lost.
    Bad(usize),
    /// That many bytes were passed over to find the next message.
    Junk(usize),
}

/// How a message is being put together.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    /// Between messages.
    #[default]
    Idle,
    /// Fragments are being collected.
    Collecting,
    /// Fragments of a message that is not decoded pass by.
    PassingOver,
    /// The place in the stream is not known: the next SIP message is looked for.
    Lost,
}

/// Puts the messages of one direction together from their frames, at most [`MAX_MESSAGE`] bytes of one.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    phase: Phase,
    collected: Vec<u8>,
}

impl Messages {
    /// Bytes were lost: what was collected can't be completed.
    pub(crate) fn lose_place(&mut self) {
        self.phase = Phase::Lost;
        self.collected = Vec::new();
    }

    /// Bytes held for messages that are not complete.
    pub(crate) fn held_bytes(&self) -> usize {
        self.collected.capacity()
    }

    /// Takes the frame at the front of `bytes`.
    pub(crate) fn next<'a>(&'a mut self, bytes: &'a [u8]) -> Step<'a> {
        if bytes.is_empty() {
            // Buffers that nobody needs would add up over the streams.
            if self.phase != Phase::Collecting {
                self.collected = Vec::new();
            }
            return Step::Incomplete;
        }
        if self.phase == Phase::Lost {
            match find_sip_frame(bytes) {
                0 if starts_sip_frame(bytes).is_none() => return Step::Incomplete,
                0 => self.phase = Phase::Idle,
                n => return Step::Junk(n),
            }
        }
        let head = match frame_head(bytes) {
            Parsed::Head(head) => head,
            Parsed::Incomplete => return Step::Incomplete,
            Parsed::Bad => {
                self.lose_place();
                return Step::Bad(0);
            }
        };
        let len = head.len();
        let Some(payload) = bytes.get(head.head_len..len) else {
            return Step::Incomplete;
        };
        if head.is_control() {
            return Step::Frame(len);
        }
        let next_phase = |phase| if head.fin { Phase::Idle } else { phase };
        match (self.phase, head.opcode) {
            // A new message in the midst of another: the other will not be completed.
            (Phase::Collecting | Phase::PassingOver, TEXT | BINARY) => {
                self.phase = Phase::Idle;
                Step::Bad(0)
            }
            (Phase::PassingOver, _) => {
                self.phase = next_phase(Phase::PassingOver);
                Step::Frame(len)
            }
            (Phase::Idle | Phase::Lost, CONTINUATION) => Step::Bad(len),
            (Phase::Collecting, _) => {
                if self.collected.len() + payload.len() > MAX_MESSAGE {
                    self.collected = Vec::new();
                    self.phase = next_phase(Phase::PassingOver);
                    return Step::Bad(len);
                }
                head.unmask(payload, &mut self.collected);
                self.finish(&head, len)
            }
            _ if head.compressed => {
                self.phase = next_phase(Phase::PassingOver);
                Step::Compressed(len)
            }
            _ if head.fin && head.mask.is_none() => Step::Message { len, payload },
            _ => {
                self.collected.clear();
                head.unmask(payload, &mut self.collected);
                self.finish(&head, len)
            }
        }
    }

    fn finish(&mut self, head: &FrameHead, len: usize) -> Step<'_> {
        if !head.fin {
            self.phase = Phase::Collecting;
            return Step::Frame(len);
        }
        self.phase = Phase::Idle;
        Step::Message {
            len,
            payload: &self.collected,
        }
    }
}

/// Bytes before the next frame that begins a SIP message, or before what may still become one.
fn find_sip_frame(bytes: &[u8]) -> usize {
    (0..bytes.len())
        .find(|at| starts_sip_frame(&bytes[*at..]) != Some(false))
        .unwrap_or(bytes.len())
}

#[cfg(test)]
#[path = "websocket_tests.rs"]
mod tests;
