//! A SIP message as slices of the packet (RFC 3261 section 7). Nothing is copied, nothing is allocated per message.

use super::head::{parse_decimal, trim, Head, Header, HeaderTable};
use super::header::HeaderId;
use super::start_line::StartLine;
use crate::anomaly::Anomalies;

/// A parsed message that borrows the packet and the header table.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    bytes: &'a [u8],
    head_len: usize,
    table: &'a HeaderTable,
    /// The start line.
    pub start: StartLine<'a>,
    /// The bytes after the empty line, cut to Content-Length where that is known.
    pub body: &'a [u8],
    /// The oddities found.
    pub anomalies: Anomalies,
    cseq: Option<(u32, &'a [u8])>,
}

impl<'a> Head<'a> {
    /// Joins the head with its body: `body_len` bytes after the head, or as many as there are.
    #[inline(always)] // As for `Head::parse`.
    pub fn with_body(self, bytes: &'a [u8], body_len: usize, table: &'a HeaderTable) -> Message<'a> {
        let end = self.len.saturating_add(body_len).min(bytes.len());
        let cseq = table.value(bytes, HeaderId::CSeq).and_then(parse_cseq);
        let mut anomalies = self.anomalies;
        if !table.is_brief() {
            note_missing(bytes, table, cseq, &self.start, &mut anomalies);
        }
        Message {
            bytes,
            head_len: self.len,
            table,
            start: self.start,
            body: &bytes[self.len..end],
            anomalies,
            cseq,
        }
    }
}

/// The number and method of a CSeq value.
#[inline]
fn parse_cseq(value: &[u8]) -> Option<(u32, &[u8])> {
    usual_cseq(value).or_else(|| unusual_cseq(value))
}

/// Up to nine digits, a space and a method without white space around it.
#[inline]
fn usual_cseq(value: &[u8]) -> Option<(u32, &[u8])> {
    let mut number = 0;
    for (at, byte) in value.iter().take(10).enumerate() {
        match byte {
            b'0'..=b'9' if at < 9 => number = number * 10 + u32::from(byte - b'0'),
            b' ' if at > 0 => {
                let method = &value[at + 1..];
                let is_trimmed = matches!(method, [first, .., last] if *first > b' ' && *last > b' ');
                return is_trimmed.then_some((number, method));
            }
            _ => return None,
        }
    }
    None
}

#[inline(never)]
fn unusual_cseq(value: &[u8]) -> Option<(u32, &[u8])> {
    let space = value.iter().position(u8::is_ascii_whitespace)?;
    let number = parse_decimal(&value[..space])?;
    let method = trim(&value[space..]);
    if method.is_empty() {
        return None;
    }
    Some((u32::try_from(number).ok()?, method))
}

/// The headers that every message has (RFC 3261 section 8.1.1).
const MANDATORY: u64 =
    HeaderId::From.bit() | HeaderId::To.bit() | HeaderId::Via.bit() | HeaderId::CallId.bit() | HeaderId::CSeq.bit();

impl<'a> Message<'a> {
    /// Its bytes: head and body.
    #[inline]
    pub fn whole(&self) -> &'a [u8] {
        &self.bytes[..self.head_len + self.body.len()]
    }

    /// The first header of that name.
    #[inline(always)] // Asked for by name, so that most of it is known while compiling.
    pub fn header(&self, id: HeaderId) -> Option<&'a [u8]> {
        self.table.value(self.bytes, id)
    }

    /// Every header in the order of the message.
    pub fn headers(&self) -> impl Iterator<Item = Header<'a>> + '_ {
        self.table.headers(self.bytes)
    }

    /// Every header of that name, in order.
    pub fn each(&self, id: HeaderId) -> impl Iterator<Item = &'a [u8]> + '_ {
        self.table.values(self.bytes, id)
    }

    /// The id of every header in order, where its name begins in [`Message::whole`] and how long it is.
    #[inline]
    pub(crate) fn name_places(&self) -> impl Iterator<Item = (HeaderId, usize, usize)> + use<'a> {
        self.table.name_places(self.bytes)
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
}

/// Marks mandatory headers that are missing or can't be read.
#[inline]
fn note_missing(
    bytes: &[u8],
    table: &HeaderTable,
    cseq: Option<(u32, &[u8])>,
    start: &StartLine<'_>,
    anomalies: &mut Anomalies,
) {
    if !table.has_all(MANDATORY) {
        note_absent(table, anomalies);
    }
    if table.value(bytes, HeaderId::CallId).is_some_and(<[u8]>::is_empty) {
        anomalies.add(Anomalies::NO_CALL_ID);
    }
    match (cseq, start) {
        (Some((_, of)), StartLine::Request { method, .. }) if *method != of => {
            anomalies.add(Anomalies::CSEQ_METHOD);
        }
        (None, _) if table.has(HeaderId::CSeq) => anomalies.add(Anomalies::BAD_CSEQ),
        _ => {}
    }
}

#[cold]
fn note_absent(table: &HeaderTable, anomalies: &mut Anomalies) {
    for (id, anomaly) in [
        (HeaderId::From, Anomalies::NO_FROM),
        (HeaderId::To, Anomalies::NO_TO),
        (HeaderId::Via, Anomalies::NO_VIA),
        (HeaderId::CallId, Anomalies::NO_CALL_ID),
        (HeaderId::CSeq, Anomalies::NO_CSEQ),
    ] {
        if !table.has(id) {
            anomalies.add(anomaly);
        }
    }
}
