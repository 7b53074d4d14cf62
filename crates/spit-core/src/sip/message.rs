//! A SIP message as slices of the packet (RFC 3261 section 7). Nothing is copied, nothing is allocated per message.

use memchr::memchr;

use super::header::HeaderId;
use super::lines::LineEnds;
use crate::anomaly::Anomalies;

/// Headers kept of one message; more are passed over and marked (a bound on hostile input).
pub const MAX_HEADERS: usize = 256;

/// A range of the message's bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    end: u32,
}

#[derive(Clone, Copy, Debug)]
struct HeaderSpan {
    id: HeaderId,
    name: Span,
    value: Span,
}

/// The place where one message's headers are written; made once and used again for every message.
#[derive(Debug)]
pub struct HeaderTable {
    headers: Vec<HeaderSpan>,
    /// One bit for each known header that the message has.
    present: u64,
    /// Where it stands first; meaningful only where its bit is set.
    first: [u16; HeaderId::KNOWN],
}

const _: () = assert!(HeaderId::KNOWN <= 64);

impl Default for HeaderTable {
    fn default() -> Self {
        HeaderTable {
            headers: Vec::with_capacity(MAX_HEADERS),
            present: 0,
            first: [0; HeaderId::KNOWN],
        }
    }
}

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

/// One header: id, name as written, value without the white space around it (folds left in).
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The known header, or `Other`.
    pub id: HeaderId,
    /// The name as written.
    pub name: &'a [u8],
    /// The value, trimmed.
    pub value: &'a [u8],
}

/// A parsed message that borrows the packet and the header table.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    table: &'a HeaderTable,
    /// The start line.
    pub start: StartLine<'a>,
    /// The bytes after the empty line, cut to Content-Length where that is known.
    pub body: &'a [u8],
    /// The oddities found.
    pub anomalies: Anomalies,
    cseq: Option<(u32, &'a [u8])>,
}

/// What Content-Length said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentLength {
    /// The header is missing.
    Absent,
    /// The header is not a number.
    Bad,
    /// The number of bytes.
    Bytes(usize),
}

/// A message head: start line and headers, before it is known where the body ends.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    start: StartLine<'a>,
    /// Bytes of start line, headers and empty line.
    pub len: usize,
    /// What Content-Length said.
    pub content_length: ContentLength,
    /// The oddities found.
    pub anomalies: Anomalies,
}

/// Why bytes are not a SIP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSip {
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// The first line has not ended yet.
    Incomplete,
}

impl<'a> Head<'a> {
    /// Parses start line and headers from the first byte on into `table`.
    ///
    /// `Head::len` never exceeds `bytes.len()`. Headers without an empty line at their end are marked
    /// `NO_HEADER_END`.
    ///
    /// # Errors
    /// [`NotSip`] when the first line is not SIP's.
    pub fn parse(bytes: &'a [u8], table: &mut HeaderTable) -> Result<Head<'a>, NotSip> {
        table.headers.clear();
        table.present = 0;
        let mut anomalies = Anomalies::NONE;
        let mut feeds = LineEnds::new(bytes);
        let first = feeds.next().ok_or(NotSip::Incomplete)?;
        let line = without_return(bytes, 0, first, &mut anomalies);
        let start = parse_start_line(&bytes[..line], &mut anomalies).ok_or(NotSip::StartLine)?;
        let mut content_length = ContentLength::Absent;
        let mut at = first + 1;
        let mut ended = false;
        while at < bytes.len() {
            let (mut end, mut next) = match feeds.next() {
                Some(feed) => (without_return(bytes, at, feed, &mut anomalies), feed + 1),
                None => (bytes.len(), bytes.len()),
            };
            if end == at {
                at = next;
                ended = true;
                break;
            }
            let colon = find_colon(&bytes[at..end]);
            // A line that starts with white space continues the value before it (RFC 3261 section 7.3.1).
            while next < bytes.len() && matches!(bytes[next], b' ' | b'\t') {
                anomalies.add(Anomalies::FOLDED_HEADER);
                (end, next) = match feeds.next() {
                    Some(feed) => (without_return(bytes, next, feed, &mut anomalies), feed + 1),
                    None => (bytes.len(), bytes.len()),
                };
            }
            match colon {
                Some(c) if c > 0 => {
                    let name = trim(bytes, at, at + c);
                    let value = trim(bytes, at + c + 1, end);
                    let id = HeaderId::of(&bytes[name.0..], name.1 - name.0);
                    if id == HeaderId::ContentLength && content_length == ContentLength::Absent {
                        content_length = parse_content_length(&bytes[value.0..value.1]);
                    }
                    table.push(id, name, value, &mut anomalies);
                }
                _ => anomalies.add(Anomalies::BAD_HEADER_LINE),
            }
            at = next;
        }
        if !ended {
            anomalies.add(Anomalies::NO_HEADER_END);
        }
        if content_length == ContentLength::Bad {
            anomalies.add(Anomalies::BAD_CONTENT_LENGTH);
        }
        Ok(Head {
            start,
            len: at,
            content_length,
            anomalies,
        })
    }

    /// Whether the head has a header that every SIP message has (RFC 3261 section 8.1.1): other protocols copy
    /// status lines, not those.
    pub fn has_sip_header(&self, table: &HeaderTable) -> bool {
        [HeaderId::CallId, HeaderId::CSeq, HeaderId::Via]
            .iter()
            .any(|id| table.has(*id))
    }

    /// Joins the head with its body: `body_len` bytes after the head, or as many as there are.
    pub fn with_body(self, bytes: &'a [u8], body_len: usize, table: &'a HeaderTable) -> Message<'a> {
        let end = self.len.saturating_add(body_len).min(bytes.len());
        let mut message = Message {
            bytes,
            table,
            start: self.start,
            body: &bytes[self.len..end],
            anomalies: self.anomalies,
            cseq: None,
        };
        message.cseq = message.parse_cseq();
        message.note_missing();
        message
    }
}

impl HeaderTable {
    #[inline]
    fn has(&self, id: HeaderId) -> bool {
        self.present & (1 << id as u8) != 0
    }

    #[inline]
    fn push(&mut self, id: HeaderId, name: (usize, usize), value: (usize, usize), anomalies: &mut Anomalies) {
        if self.headers.len() >= MAX_HEADERS {
            anomalies.add(Anomalies::TOO_MANY_HEADERS);
            return;
        }
        if id != HeaderId::Other {
            if !self.has(id) {
                self.present |= 1 << id as u8;
                self.first[id as usize] = self.headers.len() as u16;
            } else if id.stands_once() {
                anomalies.add(Anomalies::REPEATED_HEADER);
            }
        }
        self.headers.push(HeaderSpan {
            id,
            name: Span {
                start: name.0 as u32,
                end: name.1 as u32,
            },
            value: Span {
                start: value.0 as u32,
                end: value.1 as u32,
            },
        });
    }
}

/// The end of the line without its CR; a line without one is marked.
#[inline]
fn without_return(bytes: &[u8], start: usize, feed: usize, anomalies: &mut Anomalies) -> usize {
    if feed > start && bytes[feed - 1] == b'\r' {
        return feed - 1;
    }
    anomalies.add(Anomalies::BARE_LF);
    feed
}

/// The first colon. Names are short: eight bytes at a time, without the set-up of a vectorised search.
#[inline]
fn find_colon(line: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(eight) = line[at..].first_chunk::<8>() {
        let zeroed = u64::from_le_bytes(*eight) ^ 0x3a3a_3a3a_3a3a_3a3a;
        // The lowest byte that is 0 gets its top bit set.
        let found = zeroed.wrapping_sub(0x0101_0101_0101_0101) & !zeroed & 0x8080_8080_8080_8080;
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    line[at..].iter().position(|b| *b == b':').map(|i| at + i)
}

#[inline]
fn trim(bytes: &[u8], mut start: usize, mut end: usize) -> (usize, usize) {
    while start < end && matches!(bytes[start], b' ' | b'\t' | b'\r' | b'\n') {
        start += 1;
    }
    while end > start && matches!(bytes[end - 1], b' ' | b'\t' | b'\r' | b'\n') {
        end -= 1;
    }
    (start, end)
}

fn parse_content_length(value: &[u8]) -> ContentLength {
    match parse_decimal(value) {
        Some(n) => ContentLength::Bytes(usize::try_from(n).unwrap_or(usize::MAX)),
        None => ContentLength::Bad,
    }
}

/// A run of decimal digits as a number; `None` when empty, not all digits, or beyond `u64`.
pub(crate) fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |n, b| {
        if b.is_ascii_digit() {
            n.checked_mul(10)?.checked_add(u64::from(b - b'0'))
        } else {
            None
        }
    })
}

/// Parses a start line without its line end; `None` when it is not SIP's.
fn parse_start_line<'a>(line: &'a [u8], anomalies: &mut Anomalies) -> Option<StartLine<'a>> {
    // The usual status line, without a look at what hostile ones do.
    if let Some([a @ b'1'..=b'6', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..]) = line.strip_prefix(b"SIP/2.0 ") {
        let status = [a, b, c].iter().fold(0, |n, digit| n * 10 + u16::from(**digit - b'0'));
        return Some(StartLine::Response { status });
    }
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
    // The usual request line, without a look at what hostile ones do.
    if let Some(head) = line.strip_suffix(b" SIP/2.0") {
        if let Some(space) = head.iter().position(|b| !is_token(*b)) {
            let (method, uri) = (&head[..space], &head[space + 1..]);
            let usual = space > 0 && head[space] == b' ' && memchr(b':', uri).is_some();
            if usual && memchr::memchr2(b' ', b'\t', uri).is_none() {
                return Some(StartLine::Request { method, uri });
            }
        }
    }
    // Request-Line = Method SP Request-URI SP SIP-Version; the version is looked for from the end, because
    // hostile Request-URIs hold spaces.
    let method_end = line.iter().position(|b| matches!(b, b' ' | b'\t'))?;
    let method = &line[..method_end];
    if method.is_empty() || !method.iter().all(|b| is_token(*b)) {
        return None;
    }
    let trimmed = trim(line, method_end, line.len());
    if trimmed.1 != line.len() || trimmed.0 != method_end + 1 {
        anomalies.add(Anomalies::BAD_START_LINE);
    }
    let rest = &line[trimmed.0..trimmed.1];
    let last_space = rest.iter().rposition(|b| matches!(b, b' ' | b'\t'))?;
    let version = &rest[last_space + 1..];
    if !is_version(version.get(..4)?) {
        return None;
    }
    note_version(version, anomalies);
    let uri = trim(rest, 0, last_space);
    if uri.1 != last_space || rest[uri.0..uri.1].contains(&b' ') {
        anomalies.add(Anomalies::BAD_START_LINE);
    }
    // A Request-URI has a scheme (RFC 3261 section 19.1.1, RFC 3966): text that only looks like a request has none.
    memchr(b':', &rest[uri.0..uri.1])?;
    Some(StartLine::Request {
        method,
        uri: &rest[uri.0..uri.1],
    })
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
    if bytes.starts_with(b"SIP/") {
        return bytes.len() >= 12;
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

impl<'a> Message<'a> {
    /// The first header of that name.
    #[inline]
    pub fn header(&self, id: HeaderId) -> Option<&'a [u8]> {
        if id == HeaderId::Other || !self.table.has(id) {
            return None;
        }
        let slot = self.table.first[id as usize];
        let span = self.table.headers.get(usize::from(slot))?;
        Some(&self.bytes[span.value.start as usize..span.value.end as usize])
    }

    /// Every header in the order of the message.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> + '_ {
        self.table.headers.iter().map(|h| Header {
            id: h.id,
            name: &self.bytes[h.name.start as usize..h.name.end as usize],
            value: &self.bytes[h.value.start as usize..h.value.end as usize],
        })
    }

    /// Every header of that name, in order.
    pub fn each(&self, id: HeaderId) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.headers().filter(move |h| h.id == id).map(|h| h.value)
    }

    /// The method of a request.
    pub fn method(&self) -> Option<&'a [u8]> {
        match self.start {
            StartLine::Request { method, .. } => Some(method),
            StartLine::Response { .. } => None,
        }
    }

    /// The start line in short, for messages to a person.
    pub fn start_shown(&self) -> String {
        match self.start {
            StartLine::Request { method, .. } => format!("a {} request", method.escape_ascii()),
            StartLine::Response { status } => format!("a {status} response"),
        }
    }

    /// The number and method of CSeq (RFC 3261 section 20.16).
    #[inline]
    pub fn cseq(&self) -> Option<(u32, &'a [u8])> {
        self.cseq
    }

    #[inline]
    fn parse_cseq(&self) -> Option<(u32, &'a [u8])> {
        let value = self.header(HeaderId::CSeq)?;
        let space = value.iter().position(u8::is_ascii_whitespace)?;
        let number = parse_decimal(&value[..space])?;
        let method = trim(value, space, value.len());
        if method.0 == method.1 {
            return None;
        }
        Some((u32::try_from(number).ok()?, &value[method.0..method.1]))
    }

    fn note_missing(&mut self) {
        for (id, anomaly) in [
            (HeaderId::From, Anomalies::NO_FROM),
            (HeaderId::To, Anomalies::NO_TO),
            (HeaderId::Via, Anomalies::NO_VIA),
        ] {
            if !self.table.has(id) {
                self.anomalies.add(anomaly);
            }
        }
        if self.header(HeaderId::CallId).is_none_or(<[u8]>::is_empty) {
            self.anomalies.add(Anomalies::NO_CALL_ID);
        }
        match (self.header(HeaderId::CSeq), self.cseq) {
            (None, _) => self.anomalies.add(Anomalies::NO_CSEQ),
            (Some(_), None) => self.anomalies.add(Anomalies::BAD_CSEQ),
            (Some(_), Some((_, of))) => {
                if self.method().is_some_and(|m| m != of) {
                    self.anomalies.add(Anomalies::CSEQ_METHOD);
                }
            }
        }
    }
}
