//! Gives large Arrow data back to the system without the interpreter.

use arrow_array::RecordBatch;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatch;

/// Adds the class of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Held>()
}

/// A second owner of a batch, who can be the last.
#[pyclass(module = "spit._core")]
struct Held(Option<RecordBatch>);

#[pymethods]
impl Held {
    #[new]
    fn new(batch: PyRecordBatch) -> Self {
        Held(Some(batch.into_inner()))
    }

    fn release(&mut self, py: Python<'_>) {
        let batch = self.0.take();
        // Megabytes take milliseconds, and every thread that wants the interpreter would wait for them.
        py.detach(|| drop(batch));
    }
}
