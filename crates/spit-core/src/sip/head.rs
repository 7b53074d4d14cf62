//! The head of a SIP message: start line and header lines (RFC 3261 section 7.3), found in one pass.

use super::brief;
use super::header::{trim_name, HeaderId};
use super::lines::LineEnds;
use super::start_line::{parse_start_line, StartLine};
use crate::anomaly::Anomalies;

/// Headers kept of one message; more are passed over and marked (a bound on hostile input), unless they are the first
/// of a known name.
pub const MAX_HEADERS: usize = 256;

/// A header line by its places in the message; name and value are trimmed when they are asked for, which most never
/// are.
#[derive(Clone, Copy, Debug)]
struct HeaderLine {
    id: HeaderId,
    start: u32,
    colon: u32,
    end: u32,
}

impl HeaderLine {
    const NONE: HeaderLine = HeaderLine {
        id: HeaderId::Other,
        start: 0,
        colon: 0,
        end: 0,
    };

    #[inline]
    fn name<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        trim_name(&bytes[self.start as usize..self.colon as usize])
    }

    #[inline(always)]
    fn value<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let value = &bytes[self.colon as usize + 1..self.end as usize];
        match value {
            // As nearly everybody writes it: one space before, nothing behind.
            [b' ', first, .., last] if *first > b' ' && *last > b' ' => &value[1..],
            [b' ', one] if *one > b' ' => &value[1..],
            _ => trim(value),
        }
    }
}

/// The place where one message's headers are written; made once and used again for every message.
#[derive(Debug)]
pub struct HeaderTable {
    lines: Box<[HeaderLine; MAX_HEADERS]>,
    /// How many of the lines are the message's.
    len: usize,
    /// One bit for each known header that the message has.
    present: u64,
    /// Where it stands first; meaningful only where its bit is set.
    first: [u16; 64],
    /// Whether messages that begin no call are read in brief.
    of_calls: bool,
    /// Whether the message was.
    brief: bool,
}

const _: () = assert!(HeaderId::KNOWN < 64);

impl Default for HeaderTable {
    fn default() -> Self {
        HeaderTable {
            lines: Box::new([HeaderLine::NONE; MAX_HEADERS]),
            len: 0,
            present: 0,
            first: [0; 64],
            of_calls: false,
            brief: false,
        }
    }
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
    /// The start line.
    pub start: StartLine<'a>,
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
    #[inline(always)] // An answer of this size is copied by whoever takes it.
    pub fn parse(bytes: &'a [u8], table: &mut HeaderTable) -> Result<Head<'a>, NotSip> {
        if table.of_calls {
            if let Some(head) = brief::parse(bytes, table) {
                table.brief = true;
                return Ok(head);
            }
        }
        table.clear();
        let mut anomalies = Anomalies::NONE;
        let mut feeds = LineEnds::new(bytes);
        let first = feeds.next().ok_or(NotSip::Incomplete)?;
        let line = without_return(bytes, 0, first, &mut anomalies);
        let start = parse_start_line(&bytes[..line], &mut anomalies).ok_or(NotSip::StartLine)?;
        let mut at = first + 1;
        let mut ended = false;
        while at < bytes.len() {
            let (end, next) = match feeds.next() {
                Some(feed) => (without_return(bytes, at, feed, &mut anomalies), feed + 1),
                None => (bytes.len(), bytes.len()),
            };
            // First, because neither an empty line nor one that goes on looks like a header.
            if let Some((id, colon)) = HeaderId::at_usual(&bytes[at..]) {
                table.push(id, at, colon, end, &mut anomalies);
                at = next;
                continue;
            }
            if end == at {
                at = next;
                ended = true;
                break;
            }
            if matches!(bytes[at], b' ' | b'\t') {
                table.go_on(at, end, &mut anomalies);
            } else {
                match HeaderId::at(&bytes[at..], end - at) {
                    Some((id, colon)) => table.push(id, at, colon, end, &mut anomalies),
                    None => anomalies.add(Anomalies::BAD_HEADER_LINE),
                }
            }
            at = next;
        }
        if !ended {
            anomalies.add(Anomalies::NO_HEADER_END);
        }
        Ok(Head {
            start,
            len: at,
            content_length: table.content_length(bytes, &mut anomalies),
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
}

impl HeaderTable {
    /// A table for those who only track calls. Of a message that can't begin one it holds what its call is known by
    /// (Call-ID, CSeq, From, To, Session-Expires) and perhaps no other header, and its anomalies are not looked for:
    /// that takes half the time.
    pub fn of_calls() -> HeaderTable {
        HeaderTable {
            of_calls: true,
            ..HeaderTable::default()
        }
    }

    #[inline]
    pub(super) fn clear(&mut self) {
        self.len = 0;
        self.present = 0;
        self.brief = false;
    }

    /// Whether the message was read in brief.
    #[inline]
    pub(super) fn is_brief(&self) -> bool {
        self.brief
    }

    #[inline]
    pub(super) fn content_length(&self, bytes: &[u8], anomalies: &mut Anomalies) -> ContentLength {
        match self.value(bytes, HeaderId::ContentLength) {
            // Of most messages.
            Some(b"0") => ContentLength::Bytes(0),
            Some(value) => parse_content_length(value, anomalies),
            None => ContentLength::Absent,
        }
    }

    #[inline]
    fn lines(&self) -> &[HeaderLine] {
        &self.lines[..self.len.min(MAX_HEADERS)]
    }

    /// Whether the message has a known header.
    #[inline]
    pub(crate) fn has(&self, id: HeaderId) -> bool {
        self.present & id.bit() != 0
    }

    /// Whether the message has every header of a set of bits.
    #[inline]
    pub(crate) fn has_all(&self, bits: u64) -> bool {
        self.present & bits == bits
    }

    /// The value of the first header of that name; `bytes` are those that were parsed.
    #[inline(always)]
    pub(crate) fn value<'a>(&self, bytes: &'a [u8], id: HeaderId) -> Option<&'a [u8]> {
        if !self.has(id) {
            return None;
        }
        let line = self.lines().get(usize::from(self.first[id as usize & 63]))?;
        Some(line.value(bytes))
    }

    /// Every header in order; `bytes` are those that were parsed.
    pub(crate) fn headers<'a>(&self, bytes: &'a [u8]) -> impl Iterator<Item = Header<'a>> + use<'a, '_> {
        self.lines().iter().map(move |line| Header {
            id: line.id,
            name: line.name(bytes),
            value: line.value(bytes),
        })
    }

    /// The id of every header in order, where its name begins and how long it is.
    #[inline]
    pub(crate) fn name_places<'a>(
        &'a self,
        bytes: &'a [u8],
    ) -> impl Iterator<Item = (HeaderId, usize, usize)> + use<'a> {
        self.lines().iter().map(move |line| {
            let (start, colon) = (line.start as usize, line.colon as usize);
            let len = match bytes.get(colon.wrapping_sub(1)) {
                Some(last) if *last > b' ' => colon - start,
                _ => line.name(bytes).len(),
            };
            (line.id, start, len)
        })
    }

    /// The values of every header of that name in order.
    pub(crate) fn values<'a>(&self, bytes: &'a [u8], id: HeaderId) -> impl Iterator<Item = &'a [u8]> + use<'a, '_> {
        let lines = if self.has(id) { self.lines() } else { &[] };
        lines
            .iter()
            .filter(move |line| line.id == id)
            .map(move |line| line.value(bytes))
    }

    /// Adds the header line at `start`, with its colon `colon` bytes behind.
    #[inline]
    fn push(&mut self, id: HeaderId, start: usize, colon: usize, end: usize, anomalies: &mut Anomalies) {
        let at = self.len;
        let (start, colon, end) = (start as u32, (start + colon) as u32, end as u32);
        let Some(line) = self.lines.get_mut(at) else {
            anomalies.add(Anomalies::TOO_MANY_HEADERS);
            self.displace(HeaderLine { id, start, colon, end });
            return;
        };
        // Field by field: a line made elsewhere and copied here waits for its parts to be written.
        line.id = id;
        line.start = start;
        line.colon = colon;
        line.end = end;
        self.len = at + 1;
        let bit = id.bit();
        if self.present & bit == 0 {
            self.first[id as usize & 63] = at as u16;
        } else if bit & HeaderId::STAND_ONCE != 0 {
            anomalies.add(Anomalies::REPEATED_HEADER);
        }
        self.present |= bit;
    }

    /// Puts the first header of its name into a place; `settle` tells afterwards which there are.
    #[inline(always)]
    pub(super) fn place(&mut self, at: usize, id: HeaderId, start: usize, colon: usize, end: usize) {
        let Some(line) = self.lines.get_mut(at) else {
            return;
        };
        line.id = id;
        line.start = start as u32;
        line.colon = (start + colon) as u32;
        line.end = end as u32;
        self.first[id as usize & 63] = at as u16;
    }

    /// The table's lines are the first so many, of these names.
    #[inline(always)]
    pub(super) fn settle(&mut self, len: usize, present: u64) {
        self.len = len;
        self.present = present;
    }

    /// Puts the first header of a known name in the place of one that is not: nobody hides a Call-ID behind a crowd
    /// of headers.
    #[cold]
    fn displace(&mut self, header: HeaderLine) {
        if header.id == HeaderId::Other || self.has(header.id) {
            return;
        }
        let first = &self.first;
        let spare = self
            .lines
            .iter()
            .rposition(|line| line.id == HeaderId::Other)
            .or_else(|| {
                (0..MAX_HEADERS)
                    .rev()
                    .find(|at| usize::from(first[self.lines[*at].id as usize & 63]) != *at)
            });
        if let Some(at) = spare {
            self.lines[at] = header;
            self.first[header.id as usize & 63] = at as u16;
            self.present |= header.id.bit();
        }
    }

    /// A line that starts with white space continues the value before it (RFC 3261 section 7.3.1).
    #[cold]
    fn go_on(&mut self, start: usize, end: usize, anomalies: &mut Anomalies) {
        anomalies.add(Anomalies::FOLDED_HEADER);
        let len = self.len;
        match self.lines[..len].last_mut() {
            // Only a line end lies between; behind a line that was passed over, what continues it is too.
            Some(line) if start - line.end as usize <= 2 => line.end = end as u32,
            Some(_) => {}
            None => anomalies.add(Anomalies::BAD_HEADER_LINE),
        }
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

/// The text without white space and line ends around it.
#[inline]
pub(crate) fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

fn parse_content_length(value: &[u8], anomalies: &mut Anomalies) -> ContentLength {
    match parse_decimal(value) {
        Some(n) => ContentLength::Bytes(usize::try_from(n).unwrap_or(usize::MAX)),
        None => {
            anomalies.add(Anomalies::BAD_CONTENT_LENGTH);
            ContentLength::Bad
        }
    }
}

/// A run of decimal digits as a number; `None` when empty, not all digits, or beyond `u64`.
#[inline]
pub(crate) fn parse_decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    // 19 digits always fit.
    if text.len() < 20 {
        return text.iter().try_fold(0u64, |n, b| {
            let digit = b.wrapping_sub(b'0');
            (digit < 10).then(|| n * 10 + u64::from(digit))
        });
    }
    text.iter().try_fold(0u64, |n, b| {
        let digit = b.wrapping_sub(b'0');
        (digit < 10)
            .then(|| n.checked_mul(10)?.checked_add(u64::from(digit)))
            .flatten()
    })
}
