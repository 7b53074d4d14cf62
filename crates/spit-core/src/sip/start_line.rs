//! Start lines (RFC 3261 sections 7.1 and 7.2), and how they are told from everything else on the wire.

use memchr::memchr;

use super::head::{parse_decimal, trim};
use crate::anomaly::Anomalies;

/// The first line of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartLine<'a> {
    /// A request: its method and Request-URI.
    Request {
        /// The method as written; methods are case-sensitive (RFC 3261 section 7.1).
        method: &'a [u8],
        /// The Request-URI as written.
        uri: &'a [u8],
    },
    /// A response: its status code, 0 when that is not a number.
    Response {
        /// 100 to 699.
        status: u16,
    },
}

/// Parses a start line without its line end; `None` when it is not SIP's.
#[inline(always)] // The answer would be copied.
pub(crate) fn parse_start_line<'a>(line: &'a [u8], anomalies: &mut Anomalies) -> Option<StartLine<'a>> {
    // The usual status line, without a look at what hostile ones do.
    if let Some([a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..]) = line.strip_prefix(b"SIP/2.0 ") {
        let status = [a, b, c].iter().fold(0, |n, digit| n * 10 + u16::from(**digit - b'0'));
        return Some(StartLine::Response { status });
    }
    // The usual request line, without a look at what hostile ones do.
    if let Some(head) = line.strip_suffix(b" SIP/2.0") {
        if let Some(space) = head.iter().position(|b| !is_token(*b)) {
            let (method, uri) = (&head[..space], &head[space + 1..]);
            let usual = space > 0 && head[space] == b' ' && uri.first() != Some(&b'<') && memchr(b':', uri).is_some();
            if usual && memchr::memchr2(b' ', b'\t', uri).is_none() {
                return Some(StartLine::Request { method, uri });
            }
        }
    }
    parse_unusual(line, anomalies)
}

#[inline(never)]
fn parse_unusual<'a>(line: &'a [u8], anomalies: &mut Anomalies) -> Option<StartLine<'a>> {
    if is_version(line.get(..4)?) && line.len() > 7 {
        // Status-Line = SIP-Version SP Status-Code SP Reason-Phrase
        let space = memchr(b' ', line)?;
        note_version(&line[..space], anomalies);
        let rest = &line[space + 1..];
        let code_end = memchr(b' ', rest).unwrap_or(rest.len());
        if code_end == rest.len() {
            anomalies.add(Anomalies::BAD_START_LINE);
        }
        let status = parse_decimal(&rest[..code_end]).filter(|n| (100..700).contains(n));
        if status.is_none() || code_end != 3 {
            anomalies.add(Anomalies::BAD_STATUS);
        }
        return Some(StartLine::Response {
            status: status.unwrap_or(0) as u16,
        });
    }
    // Request-Line = Method SP Request-URI SP SIP-Version; the version is looked for from the end, because
    // hostile Request-URIs hold spaces.
    let method_end = line.iter().position(|b| matches!(b, b' ' | b'\t'))?;
    let method = &line[..method_end];
    if method.is_empty() || !method.iter().all(|b| is_token(*b)) {
        return None;
    }
    let rest = trim(&line[method_end..]);
    if rest.len() + method_end + 1 != line.len() {
        anomalies.add(Anomalies::BAD_START_LINE);
    }
    let last_space = rest.iter().rposition(|b| matches!(b, b' ' | b'\t'))?;
    let version = &rest[last_space + 1..];
    if !is_version(version.get(..4)?) {
        return None;
    }
    note_version(version, anomalies);
    let uri = trim(&rest[..last_space]);
    if uri.len() != last_space || uri.contains(&b' ') || uri.starts_with(b"<") {
        anomalies.add(Anomalies::BAD_START_LINE);
    }
    // A Request-URI has a scheme (RFC 3261 section 19.1.1, RFC 3966): text that only looks like a request has none.
    memchr(b':', uri)?;
    Some(StartLine::Request { method, uri })
}

fn is_version(four: &[u8]) -> bool {
    four.eq_ignore_ascii_case(b"SIP/")
}

fn note_version(version: &[u8], anomalies: &mut Anomalies) {
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        anomalies.add(Anomalies::BAD_VERSION);
    }
}

/// Whether a byte may stand in a token (RFC 3261 section 25.1).
#[inline]
pub(crate) fn is_token(b: u8) -> bool {
    TOKEN[usize::from(b)]
}

static TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        table[b] = byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~'
            );
        b += 1;
    }
    table
};

/// Whether the first bytes may be those of a start line: tells RTP, STUN, TLS and DNS without a look at the rest.
#[inline]
pub fn may_start_message(bytes: &[u8]) -> bool {
    match bytes.first_chunk::<4>() {
        Some(b"SIP/") => true,
        Some([first, rest @ ..]) => is_token(*first) && rest.iter().all(|b| is_token(*b) || *b == b' '),
        None => false,
    }
}

/// Whether bytes begin with a SIP start line.
pub fn starts_message(bytes: &[u8]) -> bool {
    if !may_start_message(bytes) {
        return false;
    }
    let window = &bytes[..bytes.len().min(MAX_START_LINE)];
    let line = match memchr(b'\n', window) {
        Some(lf) => &window[..lf],
        None => return false,
    };
    parse_start_line(line.strip_suffix(b"\r").unwrap_or(line), &mut Anomalies::default()).is_some()
}

/// The longest start line that is looked for.
pub const MAX_START_LINE: usize = 16 * 1024;
