//! `Feed`: frames or messages pushed from Python, decoded and tracked as those of captures are.

use std::net::SocketAddr;

use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use spit_core::call::{Digester, Digests, Tracker};
use spit_core::counters::Counters;
use spit_core::decode::{Decoder, Seen, Transport};
use spit_core::packet::link::LinkType;
use spit_core::sip::framing;
use spit_core::sip::head::HeaderTable;
use spit_core::sip::message::Message;
use spit_core::Micros;

use crate::counters::counters_by_name;
use crate::events::{EventRows, Kept};
use crate::messages::MessageRows;
use crate::reader::{to_python, transport_named};
use crate::settings::Settings;

/// Packets and messages in, rows of one kind out.
#[pyclass(module = "spit._core")]
pub(crate) struct Feed {
    decoder: Decoder,
    table: HeaderTable,
    tracking: Tracking,
    now_us: Micros,
}

/// What happens to a message.
struct Tracking {
    tracker: Tracker,
    digester: Digester,
    digests: Digests,
    rows: Rows,
}

enum Rows {
    Events(EventRows),
    Calls(EventRows),
    Messages(MessageRows),
}

impl Rows {
    fn kind(&self) -> &'static str {
        match self {
            Rows::Events(_) => "events",
            Rows::Calls(_) => "calls",
            Rows::Messages(_) => "messages",
        }
    }
}

impl Tracking {
    fn take(&mut self, message: &Message<'_>, seen: &Seen) {
        match &mut self.rows {
            Rows::Messages(rows) => rows.push(message, seen),
            Rows::Events(rows) | Rows::Calls(rows) => {
                if self.digests.push(&self.digester, message, seen) {
                    self.tracker.take_all(&self.digests, rows);
                    self.digests.clear();
                }
            }
        }
    }

    fn advance(&mut self, now_us: Micros) {
        if let Rows::Events(rows) | Rows::Calls(rows) = &mut self.rows {
            self.tracker.advance(now_us, rows);
        }
    }

    fn flush(&mut self) {
        if let Rows::Events(rows) | Rows::Calls(rows) = &mut self.rows {
            self.tracker.flush(rows);
        }
    }
}

#[pymethods]
impl Feed {
    #[new]
    #[pyo3(signature = (settings=None, *, kind="events"))]
    fn new(settings: Option<&Bound<'_, PyDict>>, kind: &str) -> PyResult<Self> {
        let settings = Settings::read(settings)?;
        let rows = match kind {
            "events" => Rows::Events(EventRows::new(Kept::All)),
            "calls" => Rows::Calls(EventRows::new(Kept::Ends)),
            "messages" => Rows::Messages(MessageRows::new()),
            other => {
                return Err(PyValueError::new_err(format!(
                    "kind: expected events, calls or messages, found {other:?}"
                )));
            }
        };
        // Rows of messages show every header.
        let (decoder, table) = match rows {
            Rows::Messages(_) => (Decoder::new(settings.decode), HeaderTable::default()),
            _ => (Decoder::of_calls(settings.decode), HeaderTable::of_calls()),
        };
        Ok(Feed {
            decoder,
            table,
            tracking: Tracking {
                tracker: Tracker::new(settings.track),
                digester: Digester::new(settings.hash_seed, settings.identity),
                digests: Digests::default(),
                rows,
            },
            now_us: Micros::MIN,
        })
    }

    /// One captured frame.
    #[pyo3(signature = (time_us, link_type, data, original_len=None))]
    fn frame(&mut self, time_us: Micros, link_type: u16, data: &[u8], original_len: Option<usize>) {
        self.now_us = self.now_us.max(time_us);
        let tracking = &mut self.tracking;
        self.decoder.frame(
            time_us,
            LinkType::of(link_type),
            data,
            original_len.unwrap_or(data.len()),
            &mut |message, seen| tracking.take(message, seen),
        );
    }

    /// One datagram, or one message of a stream; answers how many SIP messages it holds.
    fn message(
        &mut self,
        time_us: Micros,
        source: &str,
        destination: &str,
        transport: &str,
        data: &[u8],
    ) -> PyResult<usize> {
        let seen = Seen {
            time_us,
            source: address("source", source)?,
            destination: address("destination", destination)?,
            transport: transport_named(transport)?,
        };
        self.now_us = self.now_us.max(time_us);
        let tracking = &mut self.tracking;
        let mut found = 0;
        match seen.transport {
            // Over a stream Content-Length ends the body, and has ended it where this message was cut out.
            Transport::Tcp | Transport::Tls => {
                if let Some(message) = framing::framed(data, &mut self.table) {
                    found = 1;
                    tracking.take(&message, &seen);
                }
            }
            Transport::Udp | Transport::Sctp | Transport::Ws => {
                framing::datagram(data, false, &mut self.table, |message| {
                    found += 1;
                    tracking.take(message, &seen);
                });
            }
        }
        let counters = &mut self.decoder.counters;
        counters.bytes += data.len() as u64;
        counters.messages += found as u64;
        counters.not_sip += u64::from(found == 0);
        Ok(found)
    }

    fn read_events<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &mut self.tracking.rows {
            Rows::Events(rows) => (rows.len() > 0).then(|| to_python(py, rows.finish())).transpose(),
            other => Err(other_kind(other, "events")),
        }
    }

    fn read_calls<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &mut self.tracking.rows {
            Rows::Calls(rows) => (rows.len() > 0).then(|| to_python(py, rows.finish_calls())).transpose(),
            other => Err(other_kind(other, "calls")),
        }
    }

    fn read_messages<'py>(&mut self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &mut self.tracking.rows {
            Rows::Messages(rows) => (rows.len() > 0).then(|| to_python(py, rows.finish())).transpose(),
            other => Err(other_kind(other, "messages")),
        }
    }

    /// Goes on to a time without a message: calls whose time ran out are ended.
    fn advance(&mut self, now_us: Micros) {
        self.now_us = self.now_us.max(now_us);
        self.tracking.advance(now_us);
    }

    /// Ends the stream: what waits behind a TCP gap is read, calls that go on are given as they stand.
    fn flush(&mut self) {
        let tracking = &mut self.tracking;
        self.decoder
            .flush(self.now_us, &mut |message, seen| tracking.take(message, seen));
        tracking.advance(self.now_us);
        tracking.flush();
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = Counters {
            decode: self.decoder.counters,
            fragments: self.decoder.fragments.counters,
            tcp: self.decoder.streams.counters,
        };
        counters_by_name(py, &counters, &self.tracking.tracker.counters)
    }
}

fn other_kind(rows: &Rows, wanted: &str) -> PyErr {
    PyRuntimeError::new_err(format!(
        "this feed was made for {}, it has no {wanted}: make it with kind={wanted:?}",
        rows.kind()
    ))
}

fn address(name: &str, text: &str) -> PyResult<SocketAddr> {
    text.parse().map_err(|_| {
        PyValueError::new_err(format!(
            "{name}: expected an address with port such as 192.0.2.1:5060 or [2001:db8::1]:5060, found {text:?}"
        ))
    })
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Feed>()
}
