//! Where one message ends and the next begins, in a datagram and in a stream (RFC 3261 section 18.3).

use memchr::memchr;

use super::head::{ContentLength, Head, HeaderTable, NotSip};
use super::message::Message;
use super::start_line::{is_token, may_start_message, starts_message, MAX_START_LINE};
use crate::anomaly::Anomalies;

/// The longest message that a stream may hold, head and body; longer ones are passed over.
pub const MAX_MESSAGE: usize = 1024 * 1024;

/// The longest datagram that may be a keep-alive.
const MAX_KEEP_ALIVE: usize = 64;

/// The longest head that a stream may hold: as much as fits a datagram.
pub const MAX_HEAD: usize = 64 * 1024;

/// Calls `emit` for each message of a datagram. Answers whether there was one.
///
/// Octets behind the body are no part of the message (RFC 3261 section 18.3). Where they are a message of their
/// own it is given too, marked `LATER_IN_DATAGRAM`.
pub fn datagram(
    mut bytes: &[u8],
    truncated: bool,
    table: &mut HeaderTable,
    mut emit: impl FnMut(&Message<'_>),
) -> bool {
    let mut found = false;
    let mut marks = Anomalies::NONE;
    loop {
        bytes = skip_line_ends(bytes);
        if !may_start_message(bytes) {
            return found;
        }
        let Ok(mut head) = Head::parse(bytes, table) else {
            return found;
        };
        let room = bytes.len() - head.len;
        let body_len = match head.content_length {
            ContentLength::Bytes(n) if n <= room => n,
            ContentLength::Bytes(_) => {
                head.anomalies.add(Anomalies::SHORT_BODY);
                room
            }
            ContentLength::Absent | ContentLength::Bad => room,
        };
        let rest = skip_line_ends(&bytes[head.len + body_len..]);
        let later = !rest.is_empty() && starts_message(rest);
        if !rest.is_empty() && !later {
            head.anomalies.add(Anomalies::TRAILING_BYTES);
        }
        if truncated && !later {
            head.anomalies.add(Anomalies::TRUNCATED);
        }
        head.anomalies.add(marks);
        emit(&head.with_body(bytes, body_len, table));
        found = true;
        marks = Anomalies::LATER_IN_DATAGRAM;
        bytes = rest;
    }
}

/// What stands at the front of a stream's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A whole message of that many bytes.
    Message {
        /// Bytes of head and body.
        len: usize,
    },
    /// Line ends between messages, the keep-alive of RFC 5626 among them.
    LineEnds(usize),
    /// The message goes on in bytes that have not arrived.
    Incomplete(Awaited),
    /// That many bytes are no SIP; a start line may come after them.
    Junk(usize),
}

/// What has to arrive before another look at a stream can tell more: without it, a message that comes byte by byte
/// would be parsed from its first byte again for each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Awaited {
    /// Any byte.
    #[default]
    Byte,
    /// The end of the first line.
    LineEnd,
    /// The empty line behind the headers.
    HeadEnd,
    /// So many bytes from the front of the message.
    Bytes(usize),
}

impl Awaited {
    /// Whether a look is worthwhile when `payload` comes behind `pending`.
    pub fn may_come_with(self, pending: &[u8], payload: &[u8]) -> bool {
        let len = pending.len() + payload.len();
        match self {
            Awaited::Byte => true,
            // Bytes that no text has end the wait too: they may show that this is no start line.
            Awaited::LineEnd => len > MAX_START_LINE || !payload.iter().all(|b| is_text(*b)),
            Awaited::HeadEnd => len >= MAX_HEAD || ends_head(pending, payload),
            Awaited::Bytes(wanted) => len >= wanted,
        }
    }
}

/// Whether an empty line ends in `payload`, which comes behind `pending`.
fn ends_head(pending: &[u8], payload: &[u8]) -> bool {
    let behind = |at: usize| match at.checked_sub(pending.len()) {
        Some(at) => payload[at],
        None => pending[at],
    };
    memchr::memchr_iter(b'\n', payload).any(|at| {
        let mut at = at + pending.len();
        if at > 0 && behind(at - 1) == b'\r' {
            at -= 1;
        }
        at > 0 && behind(at - 1) == b'\n'
    })
}

/// Tells what the first bytes of a stream are.
///
/// Malformed is not incomplete: bytes that can never become a message are `Junk`, so that a stream never hangs.
pub fn next_frame(bytes: &[u8], table: &mut HeaderTable) -> Frame {
    let line_ends = bytes.len() - skip_line_ends(bytes).len();
    if line_ends > 0 {
        return Frame::LineEnds(line_ends);
    }
    if bytes.is_empty() {
        return Frame::Incomplete(Awaited::Byte);
    }
    if !starts_message(bytes) {
        return if may_become_start_line(bytes) {
            Frame::Incomplete(Awaited::LineEnd)
        } else {
            Frame::Junk(junk_len(bytes))
        };
    }
    let head = match Head::parse(bytes, table) {
        Ok(head) => head,
        // A status line is known by its first bytes; it may be cut off within its reason phrase.
        Err(NotSip::Incomplete) if may_become_start_line(bytes) => return Frame::Incomplete(Awaited::LineEnd),
        Err(_) => return Frame::Junk(junk_len(bytes)),
    };
    if head.anomalies.has(Anomalies::NO_HEADER_END) {
        if bytes.len() < MAX_HEAD {
            return Frame::Incomplete(Awaited::HeadEnd);
        }
        // Half of it goes at once: line by line, headers without an end would be parsed over and over.
        let half = bytes.len() / 2;
        return Frame::Junk(half + junk_len(&bytes[half..]));
    }
    if head.len > MAX_HEAD || !head.has_sip_header(table) {
        return Frame::Junk(head.len);
    }
    let body_len = match head.content_length {
        ContentLength::Bytes(n) => n,
        // Content-Length is mandatory over streams; without it the message ends with its head.
        ContentLength::Absent | ContentLength::Bad => 0,
    };
    match head.len.checked_add(body_len) {
        Some(len) if len <= bytes.len() => Frame::Message { len },
        Some(len) if len <= MAX_MESSAGE => Frame::Incomplete(Awaited::Bytes(len)),
        // Nobody sends such a body in signalling: the length is a lie, so the head is skipped.
        _ => Frame::Junk(head.len),
    }
}

/// Parses the message that `next_frame` found, or that [`Message::whole`] gave; `bytes` is exactly that message.
pub fn framed<'a>(bytes: &'a [u8], table: &'a mut HeaderTable) -> Option<Message<'a>> {
    let mut head = Head::parse(bytes, table).ok()?;
    if head.content_length == ContentLength::Absent {
        head.anomalies.add(Anomalies::NO_CONTENT_LENGTH);
    }
    let room = bytes.len() - head.len;
    Some(head.with_body(bytes, room, table))
}

/// Bytes up to the next line that starts a message, or to the last line that may still become one.
fn junk_len(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(lf) = memchr(b'\n', &bytes[at..]) {
        at += lf + 1;
        let rest = &bytes[at..];
        if starts_message(rest) || may_become_start_line(rest) {
            return at;
        }
    }
    bytes.len()
}

/// Whether bytes without a line end may be the beginning of a start line.
fn may_become_start_line(bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return true;
    }
    if bytes.len() > MAX_START_LINE || memchr(b'\n', bytes).is_some() {
        return false;
    }
    // A status line, or a method and what may be a Request-URI: some senders write UTF-8 there.
    let begun = bytes.starts_with(b"SIP/")
        || bytes
            .iter()
            .position(|b| !is_token(*b))
            .is_some_and(|end| end > 0 && matches!(bytes[end], b' ' | b'\t'));
    // Text may be the rest of a line, with a start line in the next. Binary protocols end here.
    begun || bytes.iter().all(|b| is_text(*b))
}

/// Whether a byte is ASCII text, line feeds left out.
fn is_text(b: u8) -> bool {
    (0x20..0x7f).contains(&b) || matches!(b, b'\r' | b'\t')
}

/// Whether a datagram only keeps an address translation open: no bytes at all, or CR, LF and NUL alone (RFC 5626
/// section 3.5.1, and what phones sent before it).
pub fn is_keep_alive(datagram: &[u8]) -> bool {
    datagram.len() <= MAX_KEEP_ALIVE && datagram.iter().all(|b| matches!(b, b'\r' | b'\n' | 0))
}

/// The bytes behind the line ends at the front.
#[inline]
pub(crate) fn skip_line_ends(bytes: &[u8]) -> &[u8] {
    let n = bytes.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
    &bytes[n..]
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTER: &[u8] = b"REGISTER sip:a.example SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
    const INVITE: &[u8] = b"INVITE sip:b@a.example SIP/2.0\r\nCall-ID: 2\r\nl: 4\r\n\r\nv=0\n";

    fn frames(mut bytes: &[u8]) -> Vec<Frame> {
        let mut table = HeaderTable::default();
        let mut out = Vec::new();
        loop {
            let frame = next_frame(bytes, &mut table);
            out.push(frame);
            let n = match frame {
                Frame::Message { len } => len,
                Frame::LineEnds(n) | Frame::Junk(n) => n,
                Frame::Incomplete(_) => return out,
            };
            bytes = &bytes[n..];
        }
    }

    #[test]
    fn two_messages_and_a_keep_alive_in_one_segment() {
        let stream = [REGISTER, b"\r\n\r\n", INVITE].concat();
        assert_eq!(
            frames(&stream),
            [
                Frame::Message { len: REGISTER.len() },
                Frame::LineEnds(4),
                Frame::Message { len: INVITE.len() },
                Frame::Incomplete(Awaited::Byte)
            ]
        );
    }

    #[test]
    fn a_prefix_of_a_message_is_incomplete_and_never_junk() {
        let reason = "SIP/2.0 200 \u{434}\u{430}\r\nCall-ID: 3\r\nl: 4\r\n\r\nv=0\n";
        let uri = "INVITE sip:\u{e9}@a.example SIP/2.0\nCall-ID: 4\n\n";
        for message in [INVITE, reason.as_bytes(), uri.as_bytes()] {
            let mut awaited = Awaited::Byte;
            for cut in 1..=message.len() {
                let (before, byte) = message[..cut].split_at(cut - 1);
                let look = awaited.may_come_with(before, byte);
                match frames(&message[..cut])[..] {
                    [Frame::Incomplete(next)] if cut < message.len() => {
                        assert!(look || next == awaited, "cut at {cut}");
                        awaited = next;
                    }
                    [Frame::Message { len }, Frame::Incomplete(Awaited::Byte)] if cut == message.len() => {
                        assert!(look && len == cut);
                    }
                    ref other => panic!("cut at {cut}: {other:?}"),
                }
            }
        }
    }

    #[test]
    fn headers_without_an_end_are_passed_over_in_halves() {
        let mut table = HeaderTable::default();
        let mut stream = b"INVITE sip:b@a.example SIP/2.0\r\n".repeat(MAX_HEAD / 32 + 1);
        stream.truncate(MAX_HEAD - 1);
        let awaited = Awaited::HeadEnd;
        assert_eq!(next_frame(&stream, &mut table), Frame::Incomplete(awaited));
        assert!(awaited.may_come_with(&stream, b"x"));
        stream.push(b'x');
        match next_frame(&stream, &mut table) {
            Frame::Junk(n) => assert!((MAX_HEAD / 2..MAX_HEAD).contains(&n)),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_prefix_of_a_response_is_incomplete_whatever_its_reason_phrase_holds() {
        let busy = "SIP/2.0 486 Occup\u{e9}\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n".as_bytes();
        for cut in 1..busy.len() {
            assert!(
                matches!(frames(&busy[..cut])[..], [Frame::Incomplete(_)]),
                "cut at {cut}"
            );
        }
    }

    #[test]
    fn binary_noise_and_other_protocols_are_junk_at_once() {
        let mut table = HeaderTable::default();
        assert_eq!(next_frame(b"\x16\x03\x01\x02\x00\x01", &mut table), Frame::Junk(6));
        assert_eq!(next_frame(b"GET / HTTP/1.1\r\n\r\n", &mut table), Frame::Junk(18));
    }

    #[test]
    fn a_start_line_after_junk_is_found() {
        let stream = [b"half a body\r\n".as_slice(), REGISTER].concat();
        assert_eq!(
            frames(&stream),
            [
                Frame::Junk(13),
                Frame::Message { len: REGISTER.len() },
                Frame::Incomplete(Awaited::Byte)
            ]
        );
    }

    #[test]
    fn a_length_beyond_the_limit_does_not_hang_the_stream() {
        let mut table = HeaderTable::default();
        let head = b"INVITE sip:b@a SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n";
        assert_eq!(next_frame(head, &mut table), Frame::Junk(head.len()));
    }

    #[test]
    fn octets_behind_the_body_are_marked_not_parsed() {
        let mut table = HeaderTable::default();
        let bytes = [REGISTER, b"xyz"].concat();
        let mut seen = Vec::new();
        assert!(datagram(&bytes, false, &mut table, |m| seen.push(m.anomalies)));
        assert_eq!(seen.len(), 1);
        assert!(seen[0].has(Anomalies::TRAILING_BYTES));
    }
}
