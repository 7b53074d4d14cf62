//! Batches that several calls read: taken over from Arrow once, however often they are asked.

use std::collections::HashMap;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch};
use arrow_schema::DataType;
use numpy::PyReadonlyArray1;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::IntoPyObjectExt;
use pyo3_arrow::PyRecordBatch;

use crate::plan::column;
use crate::texts::Texts;

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

    /// These columns of these rows, a tuple for each row.
    fn rows<'py>(
        &self,
        py: Python<'py>,
        names: Vec<String>,
        rows: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Vec<Bound<'py, PyTuple>>> {
        let columns = names.iter().map(|name| Values::new(name, column(&self.batch, name)?));
        let columns = columns.collect::<PyResult<Vec<_>>>()?;
        let rows = rows.as_array();
        check_rows(self.batch.num_rows(), rows.iter())?;
        rows.iter()
            .map(|&row| {
                let values = columns.iter().map(|column| column.get(py, row as usize));
                PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)
            })
            .collect()
    }

    fn __len__(&self) -> usize {
        self.batch.num_rows()
    }
}

/// A column of events, as Python has its values.
enum Values<'a> {
    Texts(Texts<'a>),
    Longs(&'a Int64Array),
    Numbers(&'a Float64Array),
    Truths(&'a BooleanArray),
}

impl<'a> Values<'a> {
    fn new(name: &str, column: &'a ArrayRef) -> PyResult<Self> {
        Ok(match column.data_type() {
            DataType::Int64 => Self::Longs(column.as_primitive()),
            DataType::Float64 => Self::Numbers(column.as_primitive()),
            DataType::Boolean => Self::Truths(column.as_boolean()),
            _ => Self::Texts(Texts::new(name, column)?),
        })
    }

    fn get<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Texts(texts) => texts.get(row).into_bound_py_any(py),
            Self::Longs(longs) => longs.is_valid(row).then(|| longs.value(row)).into_bound_py_any(py),
            Self::Numbers(numbers) => numbers.is_valid(row).then(|| numbers.value(row)).into_bound_py_any(py),
            Self::Truths(truths) => truths.is_valid(row).then(|| truths.value(row)).into_bound_py_any(py),
        }
    }
}

/// Fails at a row that `count` events do not have.
pub(crate) fn check_rows<'a>(count: usize, mut rows: impl Iterator<Item = &'a i64>) -> PyResult<()> {
    match rows.find(|&&row| !usize::try_from(row).is_ok_and(|row| row < count)) {
        None => Ok(()),
        Some(row) => Err(PyValueError::new_err(format!(
            "rows: expected rows of {count} events, found {row}"
        ))),
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
        let rows = rows.as_array().to_vec();
        check_rows(events.get().batch.num_rows(), rows.iter())?;
        Ok(Self { events, rows })
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
