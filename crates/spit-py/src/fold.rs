//! The keyed folds: numpy arrays in and out, state as Arrow record batches.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type, UInt64Type};
use arrow_array::{Array, ArrayRef, FixedSizeListArray, Float64Array, Int64Array, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3_arrow::PyRecordBatch;
use spit_core::fold::{self, Counters, FoldError, State};

/// Names in the metadata of a state's schema.
const PARAMETERS: &str = "parameters";
const CURSOR: &str = "cursor";
const EVICTED_IDLE: &str = "evicted_idle";
const EVICTED_FULL: &str = "evicted_full";

/// Adds the classes and functions of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<Sums>()?;
    m.add_class::<Last>()?;
    m.add_class::<Pairs>()?;
    m.add_function(wrap_pyfunction!(join_keys, m)?)
}

/// 64-bit keys of ordered pairs of keys; 0 where either is 0.
#[pyfunction]
fn join_keys<'py>(
    py: Python<'py>,
    a: PyReadonlyArray1<'py, u64>,
    b: PyReadonlyArray1<'py, u64>,
) -> PyResult<Bound<'py, PyArray1<u64>>> {
    let (a, b) = (column("a", &a)?, column("b", &b)?);
    if a.len() != b.len() {
        return Err(PyValueError::new_err(format!(
            "b: expected {} keys, as many as a, found {}",
            a.len(),
            b.len()
        )));
    }
    let join = |(&a, &b)| if a == 0 || b == 0 { 0 } else { fold::join_keys(a, b) };
    Ok(PyArray1::from_vec(py, a.iter().zip(b).map(join).collect()))
}

/// Exponentially decayed sums per key.
#[pyclass(module = "spit._core")]
pub(crate) struct Sums(fold::Sums);

#[pymethods]
impl Sums {
    #[new]
    #[pyo3(signature = (width, time_constants_s, *, idle_s, max_keys, chosen=None))]
    fn new(
        width: usize,
        time_constants_s: Vec<f64>,
        idle_s: f64,
        max_keys: usize,
        chosen: Option<Vec<Vec<usize>>>,
    ) -> PyResult<Self> {
        match chosen {
            None => fold::Sums::new(width, &time_constants_s, idle_s, max_keys),
            Some(chosen) => fold::Sums::chosen(width, &time_constants_s, &chosen, idle_s, max_keys),
        }
        .map(Self)
        .map_err(value_error)
    }

    fn fold<'py>(
        &mut self,
        py: Python<'py>,
        keys: PyReadonlyArray1<'py, u64>,
        times_us: PyReadonlyArray1<'py, i64>,
        contributions: PyReadonlyArray2<'py, f64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let sums = &mut self.0;
        let (keys, times_us) = (column("keys", &keys)?, column("times_us", &times_us)?);
        let contributions = matrix("contributions", &contributions, keys.len(), sums.width())?;
        let answer = py
            .detach(|| sums.fold(keys, times_us, contributions))
            .map_err(value_error)?;
        rows(py, answer, keys.len(), sums.stride())
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        keys: PyReadonlyArray1<'py, u64>,
        times_us: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let sums = &self.0;
        let (keys, times_us) = (column("keys", &keys)?, column("times_us", &times_us)?);
        let answer = py.detach(|| sums.read(keys, times_us)).map_err(value_error)?;
        rows(py, answer, keys.len(), sums.stride())
    }

    fn read_one(&self, key: u64, time_us: i64) -> PyResult<Vec<f64>> {
        self.0.read(&[key], &[time_us]).map_err(value_error)
    }

    fn merge(&mut self, py: Python<'_>, other: PyRef<'_, Self>) -> PyResult<()> {
        let (sums, other) = (&mut self.0, &other.0);
        py.detach(|| sums.merge(other)).map_err(value_error)
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (sums, stride) = (&self.0, self.0.stride());
        PyRecordBatch::new(py.detach(|| state_to_batch(sums.state(), stride))?).into_pyarrow(py)
    }

    fn restore(&mut self, py: Python<'_>, state: PyRecordBatch) -> PyResult<()> {
        let (sums, batch) = (&mut self.0, state.into_inner());
        py.detach(|| {
            sums.restore(&batch_to_state(&batch, sums.stride())?)
                .map_err(value_error)
        })
    }

    fn counters(&self) -> BTreeMap<&'static str, u64> {
        named(self.0.counters())
    }

    fn __len__(&self) -> usize {
        self.0.counters().keys as usize
    }
}

/// The previous values of a key.
#[pyclass(module = "spit._core")]
pub(crate) struct Last(fold::Last);

#[pymethods]
impl Last {
    #[new]
    #[pyo3(signature = (width, *, idle_s, max_keys))]
    fn new(width: usize, idle_s: f64, max_keys: usize) -> PyResult<Self> {
        fold::Last::new(width, idle_s, max_keys).map(Self).map_err(value_error)
    }

    fn fold<'py>(
        &mut self,
        py: Python<'py>,
        keys: PyReadonlyArray1<'py, u64>,
        times_us: PyReadonlyArray1<'py, i64>,
        values: PyReadonlyArray2<'py, f64>,
        update: PyReadonlyArray1<'py, bool>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let last = &mut self.0;
        let (keys, times_us) = (column("keys", &keys)?, column("times_us", &times_us)?);
        let values = matrix("values", &values, keys.len(), last.width())?;
        let update = column("update", &update)?;
        let answer = py
            .detach(|| last.fold(keys, times_us, values, update))
            .map_err(value_error)?;
        rows(py, answer, keys.len(), last.stride())
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        keys: PyReadonlyArray1<'py, u64>,
        times_us: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let last = &self.0;
        let (keys, times_us) = (column("keys", &keys)?, column("times_us", &times_us)?);
        let answer = py.detach(|| last.read(keys, times_us)).map_err(value_error)?;
        rows(py, answer, keys.len(), last.stride())
    }

    fn merge(&mut self, py: Python<'_>, other: PyRef<'_, Self>) -> PyResult<()> {
        let (last, other) = (&mut self.0, &other.0);
        py.detach(|| last.merge(other)).map_err(value_error)
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (last, width) = (&self.0, self.0.width());
        PyRecordBatch::new(py.detach(|| state_to_batch(last.state(), width))?).into_pyarrow(py)
    }

    fn restore(&mut self, py: Python<'_>, state: PyRecordBatch) -> PyResult<()> {
        let (last, batch) = (&mut self.0, state.into_inner());
        py.detach(|| {
            last.restore(&batch_to_state(&batch, last.width())?)
                .map_err(value_error)
        })
    }

    fn counters(&self) -> BTreeMap<&'static str, u64> {
        named(self.0.counters())
    }

    fn __len__(&self) -> usize {
        self.0.counters().keys as usize
    }
}

/// Seconds since a pair was last in contact.
#[pyclass(module = "spit._core")]
pub(crate) struct Pairs(fold::Pairs);

#[pymethods]
impl Pairs {
    #[new]
    #[pyo3(signature = (*, window_s, max_pairs))]
    fn new(window_s: f64, max_pairs: usize) -> PyResult<Self> {
        fold::Pairs::new(window_s, max_pairs).map(Self).map_err(value_error)
    }

    fn fold<'py>(
        &mut self,
        py: Python<'py>,
        pairs: PyReadonlyArray1<'py, u64>,
        times_us: PyReadonlyArray1<'py, i64>,
        update: PyReadonlyArray1<'py, bool>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let held = &mut self.0;
        let (pairs, times_us) = (column("pairs", &pairs)?, column("times_us", &times_us)?);
        let update = column("update", &update)?;
        let answer = py.detach(|| held.fold(pairs, times_us, update)).map_err(value_error)?;
        Ok(PyArray1::from_vec(py, answer))
    }

    fn read<'py>(
        &self,
        py: Python<'py>,
        pairs: PyReadonlyArray1<'py, u64>,
        times_us: PyReadonlyArray1<'py, i64>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let held = &self.0;
        let (pairs, times_us) = (column("pairs", &pairs)?, column("times_us", &times_us)?);
        let answer = py.detach(|| held.read(pairs, times_us)).map_err(value_error)?;
        Ok(PyArray1::from_vec(py, answer))
    }

    fn read_one(&self, pair: u64, time_us: i64) -> PyResult<f64> {
        let answer = self.0.read(&[pair], &[time_us]).map_err(value_error)?;
        Ok(answer.first().copied().unwrap_or(f64::NAN))
    }

    fn merge(&mut self, py: Python<'_>, other: PyRef<'_, Self>) -> PyResult<()> {
        let (held, other) = (&mut self.0, &other.0);
        py.detach(|| held.merge(other)).map_err(value_error)
    }

    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let held = &self.0;
        PyRecordBatch::new(py.detach(|| state_to_batch(held.state(), 0))?).into_pyarrow(py)
    }

    fn restore(&mut self, py: Python<'_>, state: PyRecordBatch) -> PyResult<()> {
        let (held, batch) = (&mut self.0, state.into_inner());
        py.detach(|| held.restore(&batch_to_state(&batch, 0)?).map_err(value_error))
    }

    fn counters(&self) -> BTreeMap<&'static str, u64> {
        named(self.0.counters())
    }

    fn __len__(&self) -> usize {
        self.0.counters().keys as usize
    }
}

/// The primitives within, for what asks several of them in one call.
macro_rules! inner {
    ($($name:ident),*) => {$(
        impl $name {
            pub(crate) fn inner(&self) -> &fold::$name {
                &self.0
            }

            pub(crate) fn inner_mut(&mut self) -> &mut fold::$name {
                &mut self.0
            }
        }
    )*};
}
inner!(Sums, Last, Pairs);

pub(crate) fn value_error(error: FoldError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn named(counters: Counters) -> BTreeMap<&'static str, u64> {
    BTreeMap::from([
        ("keys", counters.keys),
        ("evicted_idle", counters.evicted_idle),
        ("evicted_full", counters.evicted_full),
    ])
}

pub(crate) fn column<'a, T: numpy::Element>(name: &str, array: &'a PyReadonlyArray1<'_, T>) -> PyResult<&'a [T]> {
    array.as_slice().map_err(|_| not_contiguous(name))
}

fn matrix<'a>(name: &str, array: &'a PyReadonlyArray2<'_, f64>, rows: usize, columns: usize) -> PyResult<&'a [f64]> {
    if array.shape() != [rows, columns] {
        return Err(PyValueError::new_err(format!(
            "{name}: expected the shape ({rows}, {columns}), found {:?}",
            array.shape()
        )));
    }
    // An array without values is contiguous whatever its strides say.
    if rows * columns == 0 {
        return Ok(&[]);
    }
    if !array.is_c_contiguous() {
        return Err(not_contiguous(name));
    }
    array.as_slice().map_err(|_| not_contiguous(name))
}

fn not_contiguous(name: &str) -> PyErr {
    PyValueError::new_err(format!(
        "{name}: expected a C-contiguous array (numpy.ascontiguousarray), found strides"
    ))
}

fn rows(py: Python<'_>, values: Vec<f64>, rows: usize, columns: usize) -> PyResult<Bound<'_, PyArray2<f64>>> {
    PyArray1::from_vec(py, values).reshape([rows, columns])
}

/// Columns key, time_us and, when there are values, values; the rest in the schema's metadata.
fn state_to_batch(state: State, stride: usize) -> PyResult<RecordBatch> {
    let metadata = HashMap::from([
        (PARAMETERS.to_string(), state.parameters),
        (CURSOR.to_string(), state.cursor.to_string()),
        (EVICTED_IDLE.to_string(), state.evicted_idle.to_string()),
        (EVICTED_FULL.to_string(), state.evicted_full.to_string()),
    ]);
    let mut fields = vec![
        Field::new("key", DataType::UInt64, false),
        Field::new("time_us", DataType::Int64, false),
    ];
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(UInt64Array::from(state.keys)),
        Arc::new(Int64Array::from(state.times_us)),
    ];
    if stride > 0 {
        let size = i32::try_from(stride).map_err(|e| PyValueError::new_err(e.to_string()))?;
        let item = Arc::new(Field::new("item", DataType::Float64, false));
        let values = Arc::new(Float64Array::from(state.values));
        let lists = FixedSizeListArray::try_new(item, size, values, None).map_err(arrow_error)?;
        fields.push(Field::new("values", lists.data_type().clone(), false));
        columns.push(Arc::new(lists));
    }
    let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
    RecordBatch::try_new(schema, columns).map_err(arrow_error)
}

fn batch_to_state(batch: &RecordBatch, stride: usize) -> PyResult<State> {
    let schema = batch.schema();
    let text = |name: &str| {
        schema.metadata().get(name).cloned().ok_or_else(|| {
            PyValueError::new_err(format!("state: expected {name} in the schema's metadata, found none"))
        })
    };
    let number = |name: &str| -> PyResult<u64> {
        let found = text(name)?;
        found
            .parse()
            .map_err(|_| PyValueError::new_err(format!("state, {name}: expected a whole number, found {found:?}")))
    };
    let values = if stride > 0 {
        let lists = state_column(batch, "values")?;
        let list = lists
            .as_fixed_size_list_opt()
            .ok_or_else(|| wrong_type("values", "lists of float64", lists))?;
        // The slice of a list's values that belongs to it, should the batch be a slice of a larger one.
        let width = list.value_length() as usize;
        let all = list.values();
        let floats = all
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| wrong_type("values", "lists of float64", lists))?;
        let start = list.value_offset(0) as usize;
        floats.values()[start..start + list.len() * width].to_vec()
    } else {
        Vec::new()
    };
    let (keys, times) = (state_column(batch, "key")?, state_column(batch, "time_us")?);
    let key_values = keys
        .as_primitive_opt::<UInt64Type>()
        .ok_or_else(|| wrong_type("key", "uint64", keys))?;
    let times_us = times
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| wrong_type("time_us", "int64", times))?;
    Ok(State {
        parameters: text(PARAMETERS)?,
        keys: key_values.values().to_vec(),
        times_us: times_us.values().to_vec(),
        values,
        cursor: number(CURSOR)?,
        evicted_idle: number(EVICTED_IDLE)?,
        evicted_full: number(EVICTED_FULL)?,
    })
}

fn state_column<'a>(batch: &'a RecordBatch, name: &str) -> PyResult<&'a ArrayRef> {
    match batch.column_by_name(name) {
        Some(column) if column.null_count() == 0 => Ok(column),
        Some(column) => Err(PyValueError::new_err(format!(
            "state, column {name}: expected no nulls, found {}",
            column.null_count()
        ))),
        None => Err(PyValueError::new_err(format!(
            "state: expected a column {name}, found none"
        ))),
    }
}

fn wrong_type(name: &str, expected: &str, found: &ArrayRef) -> PyErr {
    PyValueError::new_err(format!(
        "state, column {name}: expected {expected}, found {}",
        found.data_type()
    ))
}

fn arrow_error(error: arrow_schema::ArrowError) -> PyErr {
    PyValueError::new_err(error.to_string())
}
