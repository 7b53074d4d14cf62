//! What the bytes of a stream are, told by content: SIP, SIP in WebSocket frames, HEP, or something else.

use memchr::memmem;

use super::stream::Out;
use super::Carried;
use crate::decode::{Seen, Transport};
use crate::hep::{self, FrameLen};
use crate::packet::websocket::{handshake, starts_sip_frame, Handshake, Messages, Step, MAX_HANDSHAKE};
use crate::sip::framing::{self, framed, next_frame, Awaited, Frame, MAX_MESSAGE};
use crate::sip::start_line::starts_message;
use crate::Micros;

/// After so many bytes without a message the stream is given up.
pub(super) const MAX_JUNK: usize = 64 * 1024;

#[derive(Debug, Default)]
enum Kind {
    /// SIP as it stands, or not known yet.
    #[default]
    Sip,
    /// SIP in WebSocket frames.
    WebSocket(Box<Messages>),
    /// HEP version 3.
    Hep,
}

/// What has been found out about a stream.
#[derive(Debug, Default)]
pub(super) struct Content {
    kind: Kind,
    /// Bytes since the last message.
    junk: usize,
    /// The stream is not SIP; a start line changes that.
    given_up: bool,
    /// What the unfinished message waits for.
    awaited: Awaited,
}

/// What a stream's first bytes are when they are no SIP.
enum Recognised {
    No,
    /// Too little has arrived.
    Incomplete,
    /// Frames or packets begin behind so many bytes.
    Kind(Kind, usize),
    /// So many bytes are another protocol's.
    Other(usize),
}

impl Content {
    pub(super) fn held_bytes(&self) -> usize {
        match &self.kind {
            Kind::WebSocket(messages) => messages.held_bytes(),
            Kind::Sip | Kind::Hep => 0,
        }
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up
    }

    /// Bytes before the next ones are missing.
    pub(super) fn lose_place(&mut self) {
        self.awaited = Awaited::Byte;
        if let Kind::WebSocket(messages) = &mut self.kind {
            messages.lose_place();
        }
    }

    /// Whether the unfinished message in `pending` may be whole with what came behind its first `before` bytes.
    pub(super) fn is_worth_a_look(&self, pending: &[u8], before: usize) -> bool {
        let (there, new) = pending.split_at(before);
        self.awaited.may_come_with(there, new)
    }

    /// Counts bytes of a stream that was given up; takes it up again where they look like SIP.
    fn pass_over(&mut self, payload: &[u8], out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) -> bool {
        let again = starts_message(payload)
            || hep::starts_stream(payload) == Some(true)
            || starts_sip_frame(payload) == Some(true);
        if again {
            *self = Content::default();
        } else {
            out.counters.junk_bytes += payload.len() as u64;
        }
        again
    }

    /// Takes the messages at the front of `bytes`; answers how many bytes are done with.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        time_us: Micros,
        out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>,
    ) -> usize {
        if self.given_up && !self.pass_over(bytes, out) {
            return bytes.len();
        }
        self.awaited = Awaited::Byte;
        let mut at = 0;
        loop {
            let rest = &bytes[at..];
            let used = match &mut self.kind {
                Kind::Sip => self.take_sip(rest, time_us, out),
                Kind::WebSocket(_) => self.take_websocket(rest, time_us, out),
                Kind::Hep => self.take_hep(rest, time_us, out),
            };
            let Some(used) = used else {
                return at;
            };
            at += used;
            if self.junk > MAX_JUNK {
                out.counters.not_sip += 1;
                out.counters.junk_bytes += (bytes.len() - at) as u64;
                *self = Content {
                    given_up: true,
                    ..Content::default()
                };
                return bytes.len();
            }
        }
    }

    fn junk(&mut self, n: usize, out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>) -> usize {
        self.junk += n;
        out.counters.junk_bytes += n as u64;
        n
    }

    /// Takes one step in SIP: bytes that are done with, `None` when more have to come.
    fn take_sip(
        &mut self,
        bytes: &[u8],
        time_us: Micros,
        out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>,
    ) -> Option<usize> {
        match recognise(bytes) {
            Recognised::No => {}
            Recognised::Incomplete => return None,
            Recognised::Kind(kind, head) => {
                self.kind = kind;
                return Some(head);
            }
            Recognised::Other(n) => return Some(self.junk(n, out)),
        }
        match next_frame(bytes, out.table) {
            Frame::Message { len } => {
                if let Some(message) = framed(&bytes[..len], out.table) {
                    (out.emit)(Carried::Message(&message), &out.flow.seen(time_us, Transport::Tcp));
                }
                self.junk = 0;
                Some(len)
            }
            Frame::LineEnds(n) => Some(n),
            Frame::Junk(n) => {
                let n = before_another_protocol(&bytes[..n], bytes).unwrap_or(n);
                Some(self.junk(n, out))
            }
            Frame::Incomplete(awaited) => {
                self.awaited = awaited;
                None
            }
        }
    }

    fn take_websocket(
        &mut self,
        bytes: &[u8],
        time_us: Micros,
        out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>,
    ) -> Option<usize> {
        let Kind::WebSocket(messages) = &mut self.kind else {
            return None;
        };
        let len = match messages.next(bytes) {
            Step::Incomplete => return None,
            Step::Bad(n) => {
                out.counters.ws_bad += 1;
                return Some(self.junk(n, out));
            }
            Step::Junk(n) => return Some(self.junk(n, out)),
            Step::Frame(n) => n,
            Step::Compressed(n) => {
                out.counters.ws_compressed += 1;
                n
            }
            Step::Message { len, payload } => {
                out.counters.ws_messages += 1;
                let found = framing::datagram(payload, false, out.table, |message| {
                    (out.emit)(Carried::Message(message), &out.flow.seen(time_us, Transport::Ws));
                });
                if found {
                    self.junk = 0;
                } else if !payload.iter().all(|b| matches!(b, b'\r' | b'\n')) {
                    // Line ends keep a connection alive (RFC 5626 section 3.5.1); anything else is no SIP.
                    self.junk += len;
                    out.counters.junk_bytes += len as u64;
                }
                len
            }
        };
        out.counters.ws_frames += 1;
        Some(len)
    }

    fn take_hep(
        &mut self,
        bytes: &[u8],
        time_us: Micros,
        out: &mut Out<'_, impl FnMut(Carried<'_>, &Seen)>,
    ) -> Option<usize> {
        match hep::frame_len(bytes) {
            FrameLen::Incomplete => None,
            FrameLen::Len(len) => {
                let packet = bytes.get(..len)?;
                (out.emit)(Carried::Hep(packet, out.table), &out.flow.seen(time_us, Transport::Tcp));
                self.junk = 0;
                Some(len)
            }
            FrameLen::Malformed => {
                let n = hep::resynchronise(bytes);
                Some(self.junk(n, out))
            }
        }
    }
}

/// Looks for other protocols that carry SIP, at a place where a SIP message may begin.
fn recognise(bytes: &[u8]) -> Recognised {
    let decided = |starts: Option<bool>, kind: Kind| match starts {
        Some(true) => Recognised::Kind(kind, 0),
        Some(false) => Recognised::No,
        None => Recognised::Incomplete,
    };
    match bytes.first() {
        Some(b'H') if bytes.starts_with(hep::MAGIC) => decided(hep::starts_stream(bytes), Kind::Hep),
        Some(b'H' | b'G') => match handshake(bytes) {
            Handshake::None => Recognised::No,
            Handshake::Incomplete => Recognised::Incomplete,
            Handshake::WebSocket(len) => Recognised::Kind(Kind::WebSocket(Box::default()), len),
            Handshake::Other(len) => Recognised::Other(len),
        },
        Some(0x01 | 0x02 | 0x81 | 0x82) => decided(starts_sip_frame(bytes), Kind::WebSocket(Box::default())),
        _ => Recognised::No,
    }
}

/// Where HEP or a WebSocket frame may begin within `junk`, the first of `bytes`: a stream that began before the capture
/// begins in the midst of one.
fn before_another_protocol(junk: &[u8], bytes: &[u8]) -> Option<usize> {
    let packet =
        memmem::find_iter(junk, hep::MAGIC).find(|at| *at > 0 && hep::starts_stream(&bytes[*at..]) != Some(false));
    let until = packet.unwrap_or(junk.len());
    let frame = (1..until).find(|at| starts_sip_frame(&bytes[*at..]) != Some(false));
    frame.or(packet)
}

const _: () = assert!(MAX_HANDSHAKE < MAX_MESSAGE);
