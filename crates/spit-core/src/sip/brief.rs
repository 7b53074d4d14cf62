//! The head of a message that begins no call, read only as far as tracking asks: six messages of seven.
//!
//! Most lines of a head are passed over with a look at their first byte. Whatever is unusual is left to the whole parse,
//! so that the headers found are those that it would find.

use super::head::{Head, HeaderTable};
use super::header::HeaderId;
use super::lines::{feeds_at, BLOCK};
use super::scan::find;
use super::start_line::parse_start_line;
use crate::anomaly::Anomalies;

/// The headers by which a message's call and its length are known.
const SOUGHT: u64 = NEEDED | HeaderId::ContentLength.bit() | HeaderId::SessionExpires.bit();

/// A message without one of them is unusual.
const NEEDED: u64 = HeaderId::From.bit() | HeaderId::To.bit() | HeaderId::CallId.bit() | HeaderId::CSeq.bit();

/// Bytes with which a line begins that is not passed over: the first letters of [`SOUGHT`] in full and in compact form,
/// line ends, and the white space of a line that goes on.
static LOOK: [bool; 256] = {
    let mut look = [false; 256];
    let bytes = b"CcFfIiLlSsTtXx\r\n \t";
    let mut at = 0;
    while at < bytes.len() {
        look[bytes[at] as usize] = true;
        at += 1;
    }
    look
};

/// Parses a head as [`Head::parse`] does, but for the headers that are not sought and for anomalies; `None` leaves it to
/// the whole parse.
#[inline(always)] // As for `Head::parse`.
pub(super) fn parse<'a>(bytes: &'a [u8], table: &mut HeaderTable) -> Option<Head<'a>> {
    // All of an attempt is read.
    if bytes.starts_with(b"INVITE ") || bytes.starts_with(b"MESSAGE ") {
        return None;
    }
    table.clear();
    let mut anomalies = Anomalies::NONE;
    let first = find(bytes, b'\n')?;
    let start = parse_start_line(bytes[..first].strip_suffix(b"\r")?, &mut anomalies)?;
    let len = scan(bytes, first + 1, table)?;
    Some(Head {
        start,
        len,
        content_length: table.content_length(bytes, &mut anomalies),
        anomalies,
    })
}

/// Finds the headers that are sought from `at` on, and where the head ends.
#[inline(never)] // By itself, so that what it counts stays in registers.
fn scan(bytes: &[u8], mut at: usize, table: &mut HeaderTable) -> Option<usize> {
    let (mut present, mut found) = (0, 0);
    // Blocks count from the first header, so that none of their line ends is another's.
    let mut block_at = at;
    loop {
        let mut feeds = feeds_at(bytes, block_at)?;
        while feeds != 0 {
            let feed = block_at + feeds.trailing_zeros() as usize;
            feeds &= feeds - 1;
            let line = bytes.get(at..)?;
            let line_at = at;
            at = feed + 1;
            let begins_with = *line.first()?;
            if !LOOK[usize::from(begins_with)] {
                continue;
            }
            if begins_with == b'\r' {
                table.settle(found, present);
                // A line that begins with CR and goes on is a header line of its own kind.
                return (feed == line_at + 1 && table.has_all(NEEDED)).then_some(at);
            }
            let (id, colon) = match name_at(line) {
                Name::Sought(id, colon) => (id, colon),
                Name::Other => continue,
                Name::Unusual => return None,
            };
            if bytes[feed - 1] != b'\r' {
                return None;
            }
            // The first of a name counts.
            if present & id.bit() == 0 {
                present |= id.bit();
                table.place(found, id, line_at, colon, feed - 1);
                found += 1;
            }
        }
        block_at += BLOCK;
    }
}

/// The letters of a name and its colon, the first lowest.
const fn letters(name: &[u8]) -> u64 {
    let (mut letters, mut at) = (0, 0);
    while at < name.len() {
        letters |= (name[at] as u64) << (8 * at);
        at += 1;
    }
    letters
}

/// What stands at the front of a line.
enum Name {
    /// A name of [`SOUGHT`], and where its colon stands.
    Sought(HeaderId, usize),
    Other,
    /// Perhaps one that is sought.
    Unusual,
}

/// The name of a line. Those of nearly every message, as nearly everybody writes them, are told by eight letters at once.
#[inline(always)]
fn name_at(line: &[u8]) -> Name {
    const CALL_ID: u64 = letters(b"Call-ID:");
    const CONTACT: u64 = letters(b"Contact:");
    const CONTENT: u64 = letters(b"Content-");
    const CSEQ: u64 = letters(b"CSeq:");
    const FROM: u64 = letters(b"From:");
    const SERVER: u64 = letters(b"Server");
    const SUPPORTED: u64 = letters(b"Supporte");
    const TO: u64 = letters(b"To:");
    let Some(eight) = line.first_chunk() else {
        return Name::Unusual;
    };
    let eight = u64::from_le_bytes(*eight);
    let first = |letters: u32| eight & (u64::MAX >> (64 - 8 * letters));
    match eight {
        _ if first(5) == FROM => Name::Sought(HeaderId::From, b"From".len()),
        _ if first(3) == TO => Name::Sought(HeaderId::To, b"To".len()),
        CALL_ID => Name::Sought(HeaderId::CallId, b"Call-ID".len()),
        _ if first(5) == CSEQ => Name::Sought(HeaderId::CSeq, b"CSeq".len()),
        // No name that is sought begins so.
        CONTACT | SUPPORTED => Name::Other,
        _ if first(6) == SERVER => Name::Other,
        CONTENT if line.get(8..15) == Some(b"Length:") => {
            Name::Sought(HeaderId::ContentLength, b"Content-Length".len())
        }
        _ => name_in_table(line),
    }
}

/// As `name_at`, any name.
#[inline(never)]
fn name_in_table(line: &[u8]) -> Name {
    match HeaderId::at_usual(line) {
        Some((id, colon)) if id.bit() & SOUGHT != 0 => Name::Sought(id, colon),
        None if may_be_sought(line) => Name::Unusual,
        _ => Name::Other,
    }
}

/// Whether a line whose name was not found at the first look may yet be one that is sought, in other letters or with
/// white space behind its name, or go on with the value before it.
#[cold]
fn may_be_sought(line: &[u8]) -> bool {
    let [first, second, ..] = line else { return true };
    let compact = matches!(second, b' ' | b'\t' | b':');
    match first.to_ascii_lowercase() {
        b'c' => matches!(second.to_ascii_lowercase(), b'a' | b's' | b'o'),
        b's' => matches!(second, b'e' | b'E'),
        b'f' => compact || matches!(second, b'r' | b'R'),
        b't' => compact || matches!(second, b'o' | b'O'),
        b'i' | b'l' | b'x' => compact,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sip::framing;

    /// What the two parses find of a datagram: the headers that are sought, and where the message ends.
    fn found(bytes: &[u8], mut table: HeaderTable) -> Vec<(String, Vec<Option<String>>, String)> {
        let mut found = Vec::new();
        framing::datagram(bytes, false, &mut table, |message| {
            let values = HeaderId::ALL
                .iter()
                .filter(|id| id.bit() & SOUGHT != 0)
                .map(|id| message.header(*id).map(|value| value.escape_ascii().to_string()))
                .collect();
            found.push((
                format!("{:?} {:?}", message.start, message.cseq()),
                values,
                message.body.escape_ascii().to_string(),
            ));
        });
        found
    }

    /// The names that a parse in brief keeps of a head.
    fn names(bytes: &[u8]) -> Option<Vec<HeaderId>> {
        let mut table = HeaderTable::of_calls();
        parse(bytes, &mut table)?;
        Some(table.name_places(bytes).map(|(id, ..)| id).collect())
    }

    const USUAL: &str = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\n\
        To: <sip:b@h>;tag=2\r\nCall-ID: c@h\r\nCSeq: 1 INVITE\r\nContact: <sip:b@h>\r\nServer: s\r\nX-Other: y\r\n\
        Session-Expires: 90\r\nContent-Length: 3\r\n\r\nv=0";

    #[test]
    fn the_usual_message_is_read_in_brief() {
        let sought = [
            HeaderId::From,
            HeaderId::To,
            HeaderId::CallId,
            HeaderId::CSeq,
            HeaderId::SessionExpires,
            HeaderId::ContentLength,
        ];
        assert_eq!(names(USUAL.as_bytes()).as_deref(), Some(&sought[..]));
        assert_eq!(
            names(USUAL.replace("SIP/2.0 200 OK", "INVITE sip:b@h SIP/2.0").as_bytes()),
            None
        );
    }

    #[test]
    fn whatever_changes_both_parses_find_the_same() {
        for (usual, other) in [
            ("", ""),
            ("SIP/2.0 200 OK", "BYE sip:b@h SIP/2.0"),
            ("SIP/2.0 200 OK", "BYE <sip:b@h> SIP/3.0"),
            ("SIP/2.0 200 OK", "SIP/2.0 2000"),
            ("SIP/2.0 200 OK\r", "SIP/2.0 200 OK"),
            ("SIP/2.0 200 OK", "not sip"),
            ("From:", "f:"),
            ("To:", "t :"),
            ("Call-ID:", "CALL-id:"),
            ("Call-ID:", "i\t:"),
            ("CSeq: 1", "cseq : 1"),
            ("CSeq: 1", "CSeq: 01"),
            ("CSeq: 1 INVITE", "CSeq: x INVITE"),
            ("Call-ID: c@h", "Call-ID: \t c@h "),
            ("Call-ID: c@h\r\n", "Call-ID: c@h\n"),
            ("Call-ID: c@h\r\n", "Call-ID: c@h\r\n d\r\n"),
            ("Call-ID: c@h\r\n", "Call-ID:\r\n\tc@h\r\n"),
            ("Call-ID: c@h\r\n", ""),
            ("Call-ID: c@h", "Call-ID: c@h\r\nCall-ID: d@h\r\ni: e@h"),
            ("Server: s", "Server: s\r\n t"),
            ("Server: s", "\rServer: s"),
            ("Server: s", "\rCall-ID: first"),
            (
                "Server: s",
                "call-ident: first\r\nTo-Do: x\r\nSeen: y\r\nX-Call-ID: z\r\nFrost: y\r\nTimestamp: 1",
            ),
            ("Server: s", "no colon\r\nt\r\n: x"),
            ("Server: s", " "),
            ("Server: s\r\n", "\n"),
            ("Server: s\r\n", "\r\n"),
            ("Content-Length: 3", "l: 2"),
            ("Content-Length: 3", "Content-Length: 2\r\nl: 3"),
            ("Content-Length: 3", "Content-Length: many"),
            ("Content-Length: 3", "Content-Length: 99"),
            ("Content-Length: 3\r\n", ""),
            ("Content-Length: 3\r\n\r\nv=0", "Content-Length: 3\r\n"),
            ("Content-Length: 3\r\n\r\nv=0", "Content-Length: 3"),
            ("Content-Length: 3\r\n\r\nv=0", "l:0\r\n\r\n"),
            ("Session-Expires: 90", "x:90"),
            ("Session-Expires: 90", "session-expires: 90"),
            ("v=0", USUAL),
            ("\r\nv=0", USUAL),
        ] {
            let text = USUAL.replacen(usual, other, 1);
            let whole = found(text.as_bytes(), HeaderTable::default());
            assert_eq!(
                found(text.as_bytes(), HeaderTable::of_calls()),
                whole,
                "{usual:?} as {other:?}"
            );
        }
    }

    #[test]
    fn both_parses_find_the_same_of_every_beginning_and_of_every_changed_byte() {
        for at in 0..USUAL.len() {
            let beginning = &USUAL.as_bytes()[..at];
            let whole = found(beginning, HeaderTable::default());
            assert_eq!(found(beginning, HeaderTable::of_calls()), whole, "cut at {at}");
            for byte in *b"\r\n\t :;cCtTxX\0\xff" {
                let mut changed = USUAL.as_bytes().to_vec();
                changed[at] = byte;
                let whole = found(&changed, HeaderTable::default());
                let brief = found(&changed, HeaderTable::of_calls());
                assert_eq!(brief, whole, "{:?}", changed.escape_ascii().to_string());
            }
        }
    }
}
