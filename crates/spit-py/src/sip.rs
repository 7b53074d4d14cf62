//! A SIP message in its parts, and the messages of a stream: what an element that answers needs.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use spit_core::sip::framing::{datagram, next_frame, Awaited, Frame};
use spit_core::sip::head::HeaderTable;
use spit_core::sip::header::HeaderId;
use spit_core::sip::message::Message;
use spit_core::sip::start_line::StartLine;

/// Method and Request-URI of a request, or the status of a response; headers; anomalies.
type Parts = (
    Option<String>,
    String,
    Option<u16>,
    Vec<(String, String)>,
    Vec<&'static str>,
);

/// Two line ends between messages of a stream (RFC 5626 section 3.5.1).
const PING: &[u8] = b"\r\n\r\n";

/// The first message of a datagram, or one message of a stream; `None` when there is none.
#[pyfunction]
fn parse_message(data: &[u8]) -> Option<Parts> {
    let mut table = HeaderTable::default();
    let mut first = None;
    datagram(data, false, &mut table, |message| {
        if first.is_none() {
            first = Some(parts(message));
        }
    });
    first
}

fn parts(message: &Message<'_>) -> Parts {
    let (method, uri, status) = match message.start {
        StartLine::Request { method, uri } => (Some(octets(method)), octets(uri), None),
        StartLine::Response { status } => (None, String::new(), Some(status)),
    };
    let headers = message.headers().map(|header| {
        let name = match header.id {
            HeaderId::Other => octets(header.name),
            known => known.full_name().to_owned(),
        };
        (name, unfolded(header.value))
    });
    (
        method,
        uri,
        status,
        headers.collect(),
        message.anomalies.names().collect(),
    )
}

/// Each byte as the character of that number: encoded as ISO 8859-1 it is the same byte again.
fn octets(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// A value on one line: a fold is one space (RFC 3261 section 7.3.1). Nothing that ends a line is left in it.
fn unfolded(value: &[u8]) -> String {
    if !value.iter().any(|b| matches!(b, b'\r' | b'\n')) {
        return octets(value);
    }
    let mut out = String::with_capacity(value.len());
    for part in value.split(|b| matches!(b, b'\r' | b'\n')) {
        let part = part.trim_ascii();
        if !part.is_empty() {
            if !out.is_empty() {
                out.push(' ');
            }
            out.extend(part.iter().map(|b| char::from(*b)));
        }
    }
    out
}

/// The messages of one stream, cut by Content-Length (RFC 3261 section 18.3).
#[pyclass(module = "spit._core")]
#[derive(Default)]
struct SipStream {
    pending: Vec<u8>,
    awaited: Awaited,
    line_ends: usize,
    table: HeaderTable,
    junk_bytes: u64,
}

#[pymethods]
impl SipStream {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    /// The messages that are whole now.
    fn push<'py>(&mut self, py: Python<'py>, data: &[u8]) -> Vec<Bound<'py, PyBytes>> {
        let look = self.awaited.may_come_with(&self.pending, data);
        self.pending.extend_from_slice(data);
        let mut found = Vec::new();
        if !look {
            return found;
        }
        let mut at = 0;
        self.awaited = loop {
            let rest = &self.pending[at..];
            at += match next_frame(rest, &mut self.table) {
                Frame::Message { len } => {
                    found.push(PyBytes::new(py, &rest[..len]));
                    self.line_ends = 0;
                    len
                }
                Frame::LineEnds(n) => {
                    self.line_ends += n;
                    // Once for each look: who floods with line ends gets no flood back.
                    if self.line_ends >= PING.len() {
                        self.line_ends = 0;
                        found.push(PyBytes::new(py, PING));
                    }
                    n
                }
                Frame::Junk(n) => {
                    self.junk_bytes += n as u64;
                    self.line_ends = 0;
                    n
                }
                Frame::Incomplete(awaited) => break awaited,
            };
        };
        self.pending.drain(..at);
        found
    }

    /// Bytes that belonged to no message.
    #[getter]
    fn junk_bytes(&self) -> u64 {
        self.junk_bytes
    }

    fn __len__(&self) -> usize {
        self.pending.len()
    }
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<SipStream>()?;
    m.add_function(wrap_pyfunction!(parse_message, m)?)?;
    Ok(())
}
