//! `CaptureReader`: captures in, batches of columns out; and the same for a single INVITE.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Mutex;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use pyo3_arrow::PyRecordBatch;
use spit_core::call::{Digester, Digests, EventSink, Tracker};
use spit_core::counters::Counters;
use spit_core::decode::{DecodeSettings, Decoder, Seen, Transport};
use spit_core::sip::framing;
use spit_core::sip::head::HeaderTable;
use spit_core::Micros;
use spit_file::{Captures, Next, Pipeline};

use crate::counters::counters_by_name;
use crate::events::{EventRows, Kept};
use crate::messages::MessageRows;
use crate::settings::Settings;
use crate::text::{jsonl, CsvCalls};

/// Packets between looks at signals, so that Ctrl-C is heard soon on long work.
const PACKETS_BETWEEN_SIGNALS: usize = 1 << 16;

/// How long a slow input is waited for between looks at signals.
const BETWEEN_SIGNALS: Duration = Duration::from_millis(200);

/// A sink that says how many rows it has.
pub(crate) trait Rows: EventSink {
    fn len(&self) -> usize;
}

impl Rows for EventRows {
    fn len(&self) -> usize {
        EventRows::len(self)
    }
}

/// Reads captures as one stream in time order: either all SIP messages, or the calls in them.
#[pyclass(module = "spit._core")]
pub(crate) struct CaptureReader {
    state: State,
    tracker: Tracker,
    digester: Digester,
    decode: DecodeSettings,
    live: bool,
    now_us: Micros,
    ended: bool,
    /// Columns of the batch before, empty: the next one is about as large, and has room from the beginning.
    rows: Option<EventRows>,
}

/// What is being read. Calls are tracked beside the thread that decodes; rows of messages are made where they are
/// decoded.
enum State {
    Unread(Captures),
    Messages(Captures, Box<Decoder>),
    Calls {
        pipeline: Box<Mutex<Pipeline>>,
        counters: Box<Counters>,
        damages: Vec<String>,
    },
    Failed,
}

enum Step {
    Full,
    /// A live pipe has nothing more at hand: whoever watches it gets the rows that there are.
    Waiting,
    Signals,
    End,
}

#[pymethods]
impl CaptureReader {
    #[new]
    #[pyo3(signature = (paths, settings=None))]
    fn new(py: Python<'_>, paths: Vec<String>, settings: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let settings = Settings::read(settings)?;
        Ok(CaptureReader {
            digester: Digester::new(settings.hash_seed, settings.identity),
            decode: settings.decode,
            tracker: Tracker::new(settings.track),
            live: paths.iter().any(|path| path == "-"),
            state: State::Unread(py.detach(|| Captures::open(&paths))),
            now_us: 0,
            ended: false,
            rows: None,
        })
    }

    fn read_messages<'py>(&mut self, py: Python<'py>, max_rows: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        if let Some(captures) = self.take_unread() {
            self.state = State::Messages(captures, Box::new(Decoder::new(self.decode.clone())));
        }
        let State::Messages(captures, decoder) = &mut self.state else {
            return Err(PyRuntimeError::new_err(
                "a reader gives either messages or calls, not both",
            ));
        };
        let live = self.live;
        let mut rows = MessageRows::new();
        let max_rows = max_rows.max(1);
        while !self.ended && !rows.is_full(max_rows) {
            let step = py.detach(|| messages(captures, decoder, &mut self.now_us, &mut rows, max_rows, live));
            py.check_signals()?;
            self.ended = matches!(step, Step::End);
            if matches!(step, Step::Waiting) {
                break;
            }
        }
        (rows.len() > 0).then(|| to_python(py, rows.finish())).transpose()
    }

    #[pyo3(signature = (max_rows, *, scored=false))]
    fn read_events<'py>(
        &mut self,
        py: Python<'py>,
        max_rows: usize,
        scored: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut rows = self.rows(if scored { Kept::Scored } else { Kept::All });
        self.collect(py, &mut rows, max_rows)?;
        let batch = (rows.len() > 0)
            .then(|| to_python(py, py.detach(|| rows.finish())))
            .transpose();
        self.rows = Some(rows);
        batch
    }

    fn read_calls<'py>(&mut self, py: Python<'py>, max_rows: usize) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut rows = self.rows(Kept::Ends);
        self.collect(py, &mut rows, max_rows)?;
        let batch = (rows.len() > 0).then(|| to_python(py, rows.finish_calls())).transpose();
        self.rows = Some(rows);
        batch
    }

    fn read_calls_text<'py>(
        &mut self,
        py: Python<'py>,
        max_rows: usize,
        format_: &str,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let text = match format_ {
            "csv" => {
                let mut lines = CsvCalls::new();
                self.collect(py, &mut lines, max_rows)?;
                lines.finish()
            }
            "jsonl" => {
                let mut rows = EventRows::new(Kept::Ends);
                self.collect(py, &mut rows, max_rows)?;
                py.detach(|| jsonl(&rows.finish_calls()?))
                    .map_err(|e| PyRuntimeError::new_err(e.to_string()))?
            }
            other => {
                return Err(PyValueError::new_err(format!(
                    "format: expected csv or jsonl, found {other:?}"
                )));
            }
        };
        Ok((!text.is_empty()).then(|| PyBytes::new(py, &text)))
    }

    /// Begins to decode for calls in the background; reading them does so by itself.
    fn read_ahead(&mut self) -> PyResult<()> {
        if let Some(captures) = self.take_unread() {
            let pipeline = Pipeline::start(captures, self.decode.clone(), self.digester.clone(), self.live)
                .map_err(|e| PyRuntimeError::new_err(format!("can't start the decoding thread: {e}")))?;
            self.state = State::Calls {
                pipeline: Box::new(Mutex::new(pipeline)),
                counters: Box::default(),
                damages: Vec::new(),
            };
        }
        Ok(())
    }

    fn damages(&self) -> Vec<String> {
        match &self.state {
            State::Unread(captures) | State::Messages(captures, _) => {
                captures.damages().iter().map(ToString::to_string).collect()
            }
            State::Calls { damages, .. } => damages.clone(),
            State::Failed => Vec::new(),
        }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        match &self.state {
            State::Unread(captures) | State::Messages(captures, _) => captures.progress(),
            State::Calls { pipeline, .. } => pipeline.lock().map_or((0, None), |p| p.progress()),
            State::Failed => (0, None),
        }
    }

    fn counters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let counters = match &self.state {
            State::Messages(_, decoder) => Counters::of(decoder),
            State::Calls { counters, .. } => **counters,
            State::Unread(_) | State::Failed => Counters::default(),
        };
        counters_by_name(py, &counters, &self.tracker.counters)
    }
}

impl CaptureReader {
    /// The captures when nothing has been read of them yet.
    fn take_unread(&mut self) -> Option<Captures> {
        if !matches!(self.state, State::Unread(_)) {
            return None;
        }
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Unread(captures) => Some(captures),
            _ => None,
        }
    }

    /// Empty columns.
    fn rows(&mut self, kept: Kept) -> EventRows {
        let used = self.rows.take().filter(|rows| rows.kept() == kept);
        used.unwrap_or_else(|| EventRows::new(kept))
    }

    fn collect(&mut self, py: Python<'_>, rows: &mut (impl Rows + Send), max_rows: usize) -> PyResult<()> {
        self.read_ahead()?;
        let State::Calls {
            pipeline,
            counters,
            damages,
        } = &mut self.state
        else {
            return Err(PyRuntimeError::new_err(
                "a reader gives either messages or calls, not both",
            ));
        };
        let gone = || PyRuntimeError::new_err("the decoding thread has ended early");
        let pipeline = pipeline.get_mut().map_err(|_| gone())?;
        while !self.ended && rows.len() < max_rows.max(1) {
            // Whoever watches a live pipe gets the rows that there are.
            let patience = match self.live && rows.len() > 0 {
                true => Duration::ZERO,
                false => BETWEEN_SIGNALS,
            };
            let batch = match py.detach(|| pipeline.next_batch(patience)) {
                Next::Batch(batch) => batch,
                Next::NotYet if rows.len() > 0 && self.live => return Ok(()),
                Next::NotYet => {
                    py.check_signals()?;
                    continue;
                }
                Next::Gone => return Err(gone()),
            };
            py.detach(|| {
                self.tracker.take_all(&batch.digests, rows);
                if batch.last {
                    self.tracker.advance(batch.now_us, rows);
                    self.tracker.flush(rows);
                }
            });
            **counters = batch.counters;
            self.ended = batch.last;
            if batch.last {
                *damages = batch.damages.iter().map(ToString::to_string).collect();
            }
            pipeline.recycle(*batch);
            py.check_signals()?;
        }
        Ok(())
    }
}

fn messages(
    captures: &mut Captures,
    decoder: &mut Decoder,
    now_us: &mut Micros,
    rows: &mut MessageRows,
    max_rows: usize,
    live: bool,
) -> Step {
    for _ in 0..PACKETS_BETWEEN_SIGNALS {
        let Some(packet) = captures.next_packet() else {
            decoder.flush(*now_us, &mut |message, seen| rows.push(message, seen));
            return Step::End;
        };
        *now_us = (*now_us).max(packet.time_us);
        decoder.frame(
            packet.time_us,
            packet.link,
            packet.data,
            packet.original_len,
            &mut |message, seen| {
                rows.push(message, seen);
            },
        );
        if rows.is_full(max_rows) {
            return Step::Full;
        }
        if live && rows.len() > 0 && !captures.has_more_at_hand() {
            return Step::Waiting;
        }
    }
    Step::Signals
}

pub(crate) fn to_python(py: Python<'_>, batch: Result<RecordBatch, ArrowError>) -> PyResult<Bound<'_, PyAny>> {
    let batch = batch.map_err(|e| PyRuntimeError::new_err(e.to_string()))?;
    PyRecordBatch::new(batch).into_pyarrow(py)
}

/// One attempt row from the bytes of an INVITE or MESSAGE.
#[pyfunction]
#[pyo3(signature = (data, *, time_us, source_ip=None, destination_ip=None, transport="udp", settings=None))]
fn parse_attempt<'py>(
    py: Python<'py>,
    data: &[u8],
    time_us: Micros,
    source_ip: Option<&str>,
    destination_ip: Option<&str>,
    transport: &str,
    settings: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let settings = Settings::read(settings)?;
    let seen = Seen {
        time_us,
        source: socket(source_ip)?,
        destination: socket(destination_ip)?,
        transport: transport_named(transport)?,
    };
    let digester = Digester::new(settings.hash_seed, settings.identity);
    let mut tracker = Tracker::new(settings.track);
    let mut rows = EventRows::new(Kept::All);
    let mut table = HeaderTable::default();
    let mut first = None;
    framing::datagram(data, false, &mut table, |message| {
        if first.is_none() {
            first = Some(message.start_shown());
            let mut digests = Digests::default();
            digests.push(&digester, message, &seen);
            tracker.take_all(&digests, &mut rows);
        }
    });
    if rows.len() == 0 {
        let found = match first {
            None if data.is_empty() => "nothing".to_owned(),
            None => format!("{} bytes that are no SIP message", data.len()),
            Some(start) => format!("{start} without what makes it one"),
        };
        return Err(PyValueError::new_err(format!(
            "expected an INVITE or MESSAGE outside a dialog with Call-ID, CSeq, From and To, found {found}"
        )));
    }
    to_python(py, rows.finish())
}

pub(crate) fn transport_named(name: &str) -> PyResult<Transport> {
    Transport::from_name(name)
        .ok_or_else(|| PyValueError::new_err(format!("transport: expected udp, tcp, tls, sctp or ws, found {name:?}")))
}

fn socket(ip: Option<&str>) -> PyResult<SocketAddr> {
    let ip = match ip {
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(text) => text
            .parse()
            .map_err(|_| PyValueError::new_err(format!("expected an IP address, found {text:?}")))?,
    };
    Ok(SocketAddr::new(ip, 0))
}

/// The names of every anomaly and what they mean.
#[pyfunction]
fn anomalies() -> Vec<(&'static str, &'static str)> {
    spit_core::anomaly::Anomalies::ALL
        .iter()
        .map(|(_, name, meaning)| (*name, meaning.trim()))
        .collect()
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<CaptureReader>()?;
    m.add_function(wrap_pyfunction!(parse_attempt, m)?)?;
    m.add_function(wrap_pyfunction!(anomalies, m)?)?;
    Ok(())
}
