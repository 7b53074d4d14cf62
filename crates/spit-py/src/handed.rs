//! Batches that several calls read: taken over from Arrow once, however often they are asked.

use std::collections::HashMap;

use arrow_array::RecordBatch;
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatch;

/// Adds the classes of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Events>()?;
    m.add_class::<Attempts>()
}

/// A batch of events, and numbers of each of them that are given beside it.
#[pyclass(module = "spit._core", frozen)]
pub(crate) struct Events {
    batch: RecordBatch,
    given: HashMap<String, Vec<f64>>,
}

#[pymethods]
impl Events {
    #[new]
    #[pyo3(signature = (batch, given=None))]
    fn new(batch: PyRecordBatch, given: Option<HashMap<String, PyReadonlyArray1<'_, f64>>>) -> PyResult<Self> {
        let batch = batch.into_inner();
        let mut held = HashMap::new();
        for (name, values) in given.unwrap_or_default() {
            let values = values.as_array().to_vec();
            if values.len() != batch.num_rows() {
                return Err(PyValueError::new_err(format!(
                    "{name}: expected a number for each event, {}, found {}",
                    batch.num_rows(),
                    values.len()
                )));
            }
            held.insert(name, values);
        }
        Ok(Self { batch, given: held })
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }
}

impl Events {
    pub(crate) fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    pub(crate) fn given(&self, name: &str) -> PyResult<&[f64]> {
        match self.given.get(name) {
            Some(values) => Ok(values),
            None => Err(PyValueError::new_err(format!(
                "{name}: expected a number for each event, found none"
            ))),
        }
    }
}

/// Rows of [`Events`] that are attempts.
#[pyclass(module = "spit._core", frozen)]
pub(crate) struct Attempts {
    events: Py<Events>,
    rows: Vec<i64>,
}

#[pymethods]
impl Attempts {
    #[new]
    fn new(events: Py<Events>, rows: PyReadonlyArray1<'_, i64>) -> PyResult<Self> {
        let count = events.get().batch.num_rows();
        let rows = rows.as_array().to_vec();
        match rows
            .iter()
            .find(|&&row| !usize::try_from(row).is_ok_and(|row| row < count))
        {
            None => Ok(Self { events, rows }),
            Some(row) => Err(PyValueError::new_err(format!(
                "rows: expected rows of {count} events, found {row}"
            ))),
        }
    }

    fn __len__(&self) -> usize {
        self.rows.len()
    }
}

impl Attempts {
    /// `rows` must be rows of `events`.
    pub(crate) fn of(events: Py<Events>, rows: Vec<i64>) -> Self {
        Self { events, rows }
    }

    pub(crate) fn batch(&self) -> &RecordBatch {
        self.events.get().batch()
    }

    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        self.rows.iter().map(|&row| row as usize)
    }
}
