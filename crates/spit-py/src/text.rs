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

use crate::columns::{dotted, hex};
use crate::events::CALL_COLUMNS;

/// Finished calls as lines of CSV (RFC 4180): the columns of `records.CALL_SCHEMA`, null empty, a field in quotes where
/// it must be.
///
/// Written from the call itself: by way of a record batch a row costs as much as decoding its call's messages.
pub(crate) struct CsvCalls {
    lines: Vec<u8>,
    rows: usize,
    integers: itoa::Buffer,
    floats: ryu::Buffer,
}

impl CsvCalls {
    pub(crate) fn new() -> Self {
        CsvCalls {
            lines: Vec::new(),
            rows: 0,
            integers: itoa::Buffer::new(),
            floats: ryu::Buffer::new(),
        }
    }

    /// The lines so far.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.lines
    }

    /// A field that needs no quotes: a name, a number, an address.
    #[inline]
    fn field(&mut self, value: &[u8]) {
        self.lines.extend_from_slice(value);
        self.lines.push(b',');
    }

    /// A text from the wire. Bytes that are not UTF-8 become U+FFFD, as in a record batch.
    fn text(&mut self, value: Option<&[u8]>) {
        let value = value.unwrap_or(b"");
        // Every byte is looked at, without a way out, so that many are looked at together.
        let unusual = value.iter().fold(false, |unusual, b| {
            unusual | matches!(b, b',' | b'"' | b'\r' | b'\n' | 0x80..)
        });
        if unusual {
            self.unusual_text(value);
        } else {
            self.field(value);
        }
    }

    #[cold]
    fn unusual_text(&mut self, value: &[u8]) {
        let value = String::from_utf8_lossy(value);
        if value.contains([',', '"', '\r', '\n']) {
            self.field(format!("\"{}\"", value.replace('"', "\"\"")).as_bytes());
        } else {
            self.field(value.as_bytes());
        }
    }

    fn name(&mut self, value: Option<&str>) {
        self.field(value.unwrap_or("").as_bytes());
    }

    fn ip(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(v4) => {
                let (text, len) = dotted(v4);
                self.field(&text[..len]);
            }
            IpAddr::V6(v6) => self.field(v6.to_string().as_bytes()),
        }
    }

    fn seconds(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            let mut text = [0; SECONDS_LEN];
            match write_seconds(&mut text, value, &mut self.integers) {
                Some(len) => self.lines.extend_from_slice(&text[..len]),
                None => self.lines.extend_from_slice(self.floats.format(value).as_bytes()),
            }
        }
        self.lines.push(b',');
    }

    fn integer(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.lines.extend_from_slice(self.integers.format(value).as_bytes());
        }
        self.lines.push(b',');
    }

    fn truth(&mut self, value: Option<bool>) {
        self.name(value.map(|value| if value { "true" } else { "false" }));
    }

    fn end_row(&mut self) {
        // In the place of the comma behind the last field.
        if let Some(last) = self.lines.last_mut() {
            *last = b'\n';
        }
        self.rows += 1;
    }
}

/// The longest text of [`write_seconds`].
const SECONDS_LEN: usize = 24;

/// Whole microseconds in seconds, as [`ryu`] writes them and in a quarter of its time; `None` for any other number, and
/// for those that it writes with an exponent.
fn write_seconds(text: &mut [u8; SECONDS_LEN], value: f64, integers: &mut itoa::Buffer) -> Option<usize> {
    const SHORTEST: f64 = 1e-5;
    /// Below it a float tells every microsecond from the next.
    const LONGEST: f64 = 4e9;
    if !(SHORTEST..LONGEST).contains(&value) {
        return None;
    }
    let micros = (value * 1e6).round();
    if micros / 1e6 != value {
        return None;
    }
    let micros = micros as u64;
    let whole = integers.format(micros / 1_000_000).as_bytes();
    text[..whole.len()].copy_from_slice(whole);
    text[whole.len()] = b'.';
    let mut len = whole.len() + 1;
    let mut rest = micros % 1_000_000;
    loop {
        text[len] = b'0' + (rest / 100_000) as u8;
        len += 1;
        rest = rest % 100_000 * 10;
        if rest == 0 {
            return Some(len);
        }
    }
}

impl EventSink for CsvCalls {
    /// The fields stand in the order of [`CALL_COLUMNS`].
    fn event(&mut self, kind: EventKind, _time_us: Micros, call: &CallView<'_>) {
        if kind != EventKind::End {
            return;
        }
        let texts = call.texts();
        self.text(texts[Text::CallId as usize]);
        self.seconds(Some(call.start_us() as f64 / 1e6));
        self.seconds(call.end_us().map(|t| t as f64 / 1e6));
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
        self.seconds(call.ring_time_s());
        self.seconds(call.pdd_s());
        self.seconds(call.setup_time_s());
        self.seconds(call.duration_s());
        self.truth(call.duration_censored());
        self.name(call.hangup_by().map(|h| h.name()));
        self.truth(Some(call.auth_challenged()));
        self.integer(Some(i64::from(call.retransmissions())));
        self.integer(Some(i64::from(call.legs())));
        self.end_row();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_written_as_any_float_is() {
        let (mut integers, mut floats) = (itoa::Buffer::new(), ryu::Buffer::new());
        let mut state = 1_u64;
        let mut written = 0;
        for n in 0..200_000_u64 {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
            let micros = match n % 4 {
                0 => n,
                1 => 1_767_225_600_000_000 + state % 100_000_000_000,
                2 => state % 4_000_000_000_000_000,
                _ => state % 100 * 1_000_000,
            };
            let value = micros as f64 / 1e6;
            let mut text = [0; SECONDS_LEN];
            if let Some(len) = write_seconds(&mut text, value, &mut integers) {
                assert_eq!(text[..len], *floats.format(value).as_bytes());
                written += 1;
            }
        }
        assert!(written > 190_000, "{written}");
        for other in [0.0, -1.5, 1e-6, 5e9, 1.0 / 3.0, f64::NAN, f64::INFINITY] {
            let mut text = [0; SECONDS_LEN];
            assert_eq!(write_seconds(&mut text, other, &mut integers), None, "{other}");
        }
    }
}
