//! Rows as lines of text.

use std::net::IpAddr;

use arrow_array::RecordBatch;
use arrow_json::writer::LineDelimited;
use arrow_schema::ArrowError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3_arrow::PyRecordBatch;
use spit_core::call::event::Text;
use spit_core::call::{CallView, EventKind, EventSink};
use spit_core::Micros;

use crate::columns::{hex, write_v4};
use crate::events::CALL_COLUMNS;

/// Finished calls as lines of CSV (RFC 4180): the columns of `records.CALL_SCHEMA`, null empty.
///
/// Written from the call itself: by way of a record batch a row costs as much as decoding its call's messages.
pub(crate) struct CsvCalls {
    lines: csv::Writer<Vec<u8>>,
    rows: usize,
    integers: itoa::Buffer,
    floats: ryu::Buffer,
}

impl CsvCalls {
    pub(crate) fn new() -> Self {
        CsvCalls {
            lines: csv::Writer::from_writer(Vec::new()),
            rows: 0,
            integers: itoa::Buffer::new(),
            floats: ryu::Buffer::new(),
        }
    }

    /// The lines so far.
    pub(crate) fn finish(self) -> Vec<u8> {
        // Writing to memory can't fail.
        self.lines.into_inner().unwrap_or_default()
    }

    fn field(&mut self, value: &[u8]) {
        let _ = self.lines.write_field(value);
    }

    /// Bytes that are not UTF-8 become U+FFFD, as in a record batch.
    fn text(&mut self, value: Option<&[u8]>) {
        let value = value.unwrap_or(b"");
        if value.is_ascii() {
            self.field(value);
        } else {
            self.field(String::from_utf8_lossy(value).as_bytes());
        }
    }

    fn name(&mut self, value: Option<&str>) {
        self.field(value.unwrap_or("").as_bytes());
    }

    fn ip(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => {
                let mut text = [0; 15];
                let len = write_v4(&mut text, v4);
                self.field(&text[..len]);
            }
            IpAddr::V6(v6) => self.field(v6.to_string().as_bytes()),
        }
    }

    fn float(&mut self, value: Option<f64>) {
        let text = value.map_or("", |value| self.floats.format(value));
        let _ = self.lines.write_field(text);
    }

    fn integer(&mut self, value: Option<i64>) {
        let text = value.map_or("", |value| self.integers.format(value));
        let _ = self.lines.write_field(text);
    }

    fn truth(&mut self, value: Option<bool>) {
        self.name(value.map(|value| if value { "true" } else { "false" }));
    }
}

impl EventSink for CsvCalls {
    /// The fields stand in the order of [`CALL_COLUMNS`].
    fn event(&mut self, kind: EventKind, _time_us: Micros, call: &CallView<'_>) {
        if kind != EventKind::End {
            return;
        }
        self.rows += 1;
        let texts = call.texts();
        self.text(texts[Text::CallId as usize]);
        self.float(Some(call.start_us() as f64 / 1e6));
        self.float(call.end_us().map(|t| t as f64 / 1e6));
        for text in [
            Text::Caller,
            Text::Callee,
            Text::CallerUri,
            Text::CalleeUri,
            Text::RequestUri,
        ] {
            self.text(texts[text as usize]);
        }
        self.ip(call.source_ip());
        self.ip(call.destination_ip());
        self.name(Some(call.transport().name()));
        self.text(texts[Text::UserAgent as usize]);
        self.field(&hex(call.fingerprint()));
        self.text(texts[Text::AssertedIdentity as usize]);
        let mut letter = [0; 4];
        self.name(call.attestation().map(|c| &*c.encode_utf8(&mut letter)));
        for text in [Text::Origid, Text::Verstat, Text::Media] {
            self.text(texts[text as usize]);
        }
        self.name(call.outcome().map(|o| o.name()));
        self.integer(call.final_status().map(i64::from));
        self.float(call.ring_time_s());
        self.float(call.pdd_s());
        self.float(call.setup_time_s());
        self.float(call.duration_s());
        self.truth(call.duration_censored());
        self.name(call.hangup_by().map(|h| h.name()));
        self.truth(Some(call.auth_challenged()));
        self.integer(Some(i64::from(call.retransmissions())));
        self.integer(Some(i64::from(call.legs())));
        let _ = self.lines.write_record(None::<&[u8]>);
    }
}

impl crate::reader::Rows for CsvCalls {
    fn len(&self) -> usize {
        self.rows
    }
}

/// The rows as JSON lines, nulls written.
pub(crate) fn jsonl(batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut out = Vec::new();
    let mut writer = arrow_json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, LineDelimited>(&mut out);
    writer.write(batch)?;
    writer.finish()?;
    drop(writer);
    Ok(out)
}

/// The rows as JSON lines, nulls written.
#[pyfunction]
fn write_jsonl<'py>(py: Python<'py>, batch: PyRecordBatch) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = py
        .detach(|| jsonl(batch.as_ref()))
        .map_err(|e| PyValueError::new_err(e.to_string()))?;
    Ok(PyBytes::new(py, &bytes))
}

/// The columns of a call, in order.
#[pyfunction]
fn call_columns() -> Vec<&'static str> {
    CALL_COLUMNS.to_vec()
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(write_jsonl, m)?)?;
    m.add_function(wrap_pyfunction!(call_columns, m)?)?;
    Ok(())
}
