//! Record batches as lines of text.

use arrow_array::RecordBatch;
use arrow_json::writer::LineDelimited;
use arrow_schema::ArrowError;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3_arrow::PyRecordBatch;

use crate::events::CALL_COLUMNS;

/// A format of lines.
#[derive(Clone, Copy)]
pub(crate) enum TextFormat {
    Csv,
    Jsonl,
}

impl TextFormat {
    pub(crate) fn of(name: &str) -> PyResult<TextFormat> {
        match name {
            "csv" => Ok(TextFormat::Csv),
            "jsonl" => Ok(TextFormat::Jsonl),
            other => Err(PyValueError::new_err(format!(
                "format: expected csv or jsonl, found {other:?}"
            ))),
        }
    }

    /// The rows as lines, without a header line.
    pub(crate) fn write(self, batch: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
        let mut out = Vec::new();
        match self {
            TextFormat::Csv => arrow_csv::WriterBuilder::new()
                .with_header(false)
                .build(&mut out)
                .write(batch)?,
            TextFormat::Jsonl => {
                let mut writer = arrow_json::WriterBuilder::new()
                    .with_explicit_nulls(true)
                    .build::<_, LineDelimited>(&mut out);
                writer.write(batch)?;
                writer.finish()?;
            }
        }
        Ok(out)
    }
}

/// The rows as JSON lines, nulls written.
#[pyfunction]
fn write_jsonl<'py>(py: Python<'py>, batch: PyRecordBatch) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = py
        .detach(|| TextFormat::Jsonl.write(batch.as_ref()))
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
