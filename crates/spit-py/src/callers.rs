//! The table of callers: columns of attempts in, what was known at each of them out; callers as an Arrow batch.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, ListBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, Int64Type, Int8Type};
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, Int8Array, ListArray, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use numpy::{PyArray1, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3_arrow::PyRecordBatch;
use spit_core::callers::{self, Attempt, CallIds, Saved};

use crate::evidence::beside;
use crate::fold::{column as slice, value_error};
use crate::handed::Attempts;
use crate::plan::column;
use crate::texts::Texts;

/// Adds the class of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("MAX_SOURCE_IPS", callers::MAX_SOURCES)?;
    m.add("MAX_CALL_IDS", callers::MAX_CALL_IDS)?;
    m.add_class::<Callers>()
}

type Numbers<'py> = Bound<'py, PyArray1<i64>>;

/// What is known of each caller.
#[pyclass(module = "spit._core")]
struct Callers(callers::Callers);

#[pymethods]
impl Callers {
    #[new]
    fn new(max_callers: usize) -> PyResult<Self> {
        callers::Callers::new(max_callers).map(Self).map_err(value_error)
    }

    fn update<'py>(
        &mut self,
        py: Python<'py>,
        attempts: &Bound<'py, Attempts>,
        times_us: PyReadonlyArray1<'py, i64>,
        scores: PyReadonlyArray1<'py, f64>,
        labels: PyReadonlyArray1<'py, i8>,
        values: PyReadonlyArray2<'py, f32>,
    ) -> PyResult<(Numbers<'py>, Numbers<'py>, Numbers<'py>, Bound<'py, PyDict>)> {
        let attempts = attempts.get();
        let rows = attempts.rows().len();
        let columns = Columns {
            times_us: slice("times_us", &times_us)?,
            scores: slice("scores", &scores)?,
            labels: slice("labels", &labels)?,
            width: values.shape()[1],
            values: values
                .as_slice()
                .map_err(|error| PyValueError::new_err(error.to_string()))?,
        };
        columns.check(rows, values.shape()[0])?;
        let held = &mut self.0;
        let counted = beside(py, rows, || count(held, attempts, &columns))?;
        let found = PyDict::new(py);
        // Callers with several attempts have the same tuple.
        let mut tuples: HashMap<*const Arc<str>, Bound<'py, PyTuple>> = HashMap::new();
        for (row, call_ids) in &counted.call_ids {
            let tuple = match tuples.get(&call_ids.as_ptr()) {
                Some(tuple) => tuple.clone(),
                None => {
                    let tuple = texts(py, call_ids)?;
                    tuples.insert(call_ids.as_ptr(), tuple.clone());
                    tuple
                }
            };
            found.set_item(row, tuple)?;
        }
        Ok((
            PyArray1::from_vec(py, counted.attempts),
            PyArray1::from_vec(py, counted.flagged_at),
            PyArray1::from_vec(py, counted.first_us),
            found,
        ))
    }

    fn seen<'py>(&self, py: Python<'py>, caller: &str) -> PyResult<Option<Seen<'py>>> {
        let Some(held) = self.0.get(caller) else {
            return Ok(None);
        };
        let call_ids = match held.call_ids() {
            Some(call_ids) => texts(py, call_ids)?,
            None => PyTuple::empty(py),
        };
        let values = held.values().map(|values| PyArray1::from_slice(py, values));
        Ok(Some((held.attempts, call_ids, values)))
    }

    #[pyo3(signature = (callers=None))]
    fn slots<'py>(&self, py: Python<'py>, callers: Option<Vec<String>>) -> Numbers<'py> {
        match callers {
            None => PyArray1::from_iter(py, self.0.slots().map(i64::from)),
            Some(callers) => {
                let found = callers.iter().filter_map(|caller| self.0.slot(caller));
                PyArray1::from_vec(py, found.map(i64::from).collect())
            }
        }
    }

    fn state<'py>(&self, py: Python<'py>, slots: PyReadonlyArray1<'py, i64>) -> PyResult<Bound<'py, PyAny>> {
        let slots = slice("slots", &slots)?;
        PyRecordBatch::new(beside(py, slots.len(), || state(&self.0, slots))?).into_pyarrow(py)
    }

    fn restore(&mut self, py: Python<'_>, state: PyRecordBatch, evicted: u64) -> PyResult<()> {
        let (held, batch) = (&mut self.0, state.into_inner());
        py.detach(|| insert(held, &batch))?;
        held.set_evicted(evicted);
        Ok(())
    }

    #[getter]
    fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// Attempts, Call-IDs, and features of the attempt with the highest score.
type Seen<'py> = (i64, Bound<'py, PyTuple>, Option<Bound<'py, PyArray1<f32>>>);

fn texts<'py>(py: Python<'py>, call_ids: &CallIds) -> PyResult<Bound<'py, PyTuple>> {
    PyTuple::new(py, call_ids.iter().map(|one| &**one))
}

/// Columns of attempts, row by row.
struct Columns<'a> {
    times_us: &'a [i64],
    scores: &'a [f64],
    labels: &'a [i8],
    values: &'a [f32],
    width: usize,
}

impl Columns<'_> {
    fn check(&self, rows: usize, of_values: usize) -> PyResult<()> {
        let lengths = [self.times_us.len(), self.scores.len(), self.labels.len(), of_values];
        if lengths == [rows; 4] {
            return Ok(());
        }
        Err(PyValueError::new_err(format!(
            "attempts: expected times_us, scores, labels and values of {rows}, found {lengths:?}"
        )))
    }
}

struct Counted {
    attempts: Vec<i64>,
    flagged_at: Vec<i64>,
    first_us: Vec<i64>,
    call_ids: Vec<(usize, CallIds)>,
}

fn count(held: &mut callers::Callers, attempts: &Attempts, columns: &Columns<'_>) -> PyResult<Counted> {
    let batch = attempts.batch();
    let names = Texts::new("caller", column(batch, "caller")?)?;
    let sources = Texts::new("source_ip", column(batch, "source_ip")?)?;
    let call_ids = Texts::new("call_id", column(batch, "call_id")?)?;
    let rows = columns.times_us.len();
    // Of a row without a caller nothing is known but itself.
    let mut counted = Counted {
        attempts: vec![1; rows],
        flagged_at: vec![0; rows],
        first_us: columns.times_us.to_vec(),
        call_ids: Vec::new(),
    };
    for (i, row) in attempts.rows().enumerate() {
        let Some(name) = names.get(row) else { continue };
        let attempt = Attempt {
            time_us: columns.times_us[i],
            score: columns.scores[i],
            label: columns.labels[i],
            source: sources.get(row),
            call_id: call_ids.get(row),
            values: &columns.values[i * columns.width..(i + 1) * columns.width],
        };
        let found = held.count(name, &attempt).map_err(value_error)?;
        counted.attempts[i] = found.attempts;
        counted.flagged_at[i] = found.flagged_at;
        counted.first_us[i] = found.first_us;
        if let Some(call_ids) = found.call_ids {
            counted.call_ids.push((i, call_ids));
        }
    }
    Ok(counted)
}

/// The callers of these slots, as spit/engine/callers.py declares a state.
fn state(held: &callers::Callers, slots: &[i64]) -> PyResult<RecordBatch> {
    let found = slots.iter().map(|&slot| {
        let found = u32::try_from(slot).ok().and_then(|slot| held.at(slot));
        found.ok_or_else(|| PyValueError::new_err(format!("slots: expected slots that hold a caller, found {slot}")))
    });
    let found = found.collect::<PyResult<Vec<_>>>()?;
    let longs = |of: fn(&callers::Caller) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(found.iter().map(|(_, caller)| of(caller))))
    };
    let mut sources = ListBuilder::new(StringBuilder::new());
    let mut call_ids = ListBuilder::new(StringBuilder::new());
    let mut values = ListBuilder::new(Float32Builder::new());
    for (_, caller) in &found {
        held.sources(caller)
            .for_each(|source| sources.values().append_value(source));
        sources.append(true);
        let ids = caller.call_ids().into_iter().flat_map(|ids| ids.iter());
        ids.for_each(|id| call_ids.values().append_value(id));
        call_ids.append(true);
        values.values().append_slice(caller.values().unwrap_or_default());
        values.append(caller.values().is_some());
    }
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "caller",
            Arc::new(StringArray::from_iter_values(found.iter().map(|(name, _)| *name))),
        ),
        ("attempts", longs(|caller| caller.attempts)),
        (
            "score",
            Arc::new(Float64Array::from_iter_values(
                found.iter().map(|(_, caller)| caller.score),
            )),
        ),
        (
            "label",
            Arc::new(Int8Array::from_iter_values(
                found.iter().map(|(_, caller)| caller.label),
            )),
        ),
        ("flagged_at_attempt", longs(|caller| caller.flagged_at)),
        ("first_seen_us", longs(|caller| caller.first_us)),
        ("last_seen_us", longs(|caller| caller.last_us)),
        ("source_ips", Arc::new(sources.finish())),
        ("call_ids", Arc::new(call_ids.finish())),
        ("values", Arc::new(values.finish())),
    ];
    let fields: Vec<_> = columns
        .iter()
        .map(|(name, column)| Field::new(*name, column.data_type().clone(), *name == "values"))
        .collect();
    let columns = columns.into_iter().map(|(_, column)| column).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|error| PyValueError::new_err(error.to_string()))
}

fn insert(held: &mut callers::Callers, state: &RecordBatch) -> PyResult<()> {
    let names = Texts::new("caller", column(state, "caller")?)?;
    let longs = |name| Ok::<_, PyErr>(typed(state, name, |one| one.as_primitive_opt::<Int64Type>())?.values());
    let attempts = longs("attempts")?;
    let flagged_at = longs("flagged_at_attempt")?;
    let (first_us, last_us) = (longs("first_seen_us")?, longs("last_seen_us")?);
    let scores = typed(state, "score", |one| one.as_primitive_opt::<Float64Type>())?.values();
    let labels = typed(state, "label", |one| one.as_primitive_opt::<Int8Type>())?.values();
    let lists = |name| typed(state, name, |one| one.as_list_opt::<i32>());
    let (sources, call_ids, values) = (lists("source_ips")?, lists("call_ids")?, lists("values")?);
    let (source_texts, call_id_texts) = (Strings::of("source_ips", sources)?, Strings::of("call_ids", call_ids)?);
    let numbers = values
        .values()
        .as_primitive_opt::<Float32Type>()
        .ok_or_else(|| misfit("values", values.values()))?
        .values();
    for row in 0..state.num_rows() {
        let Some(name) = names.get(row) else { continue };
        let span = values.value_offsets()[row] as usize..values.value_offsets()[row + 1] as usize;
        let saved = Saved {
            attempts: attempts[row],
            score: scores[row],
            label: labels[row],
            flagged_at: flagged_at[row],
            first_us: first_us[row],
            last_us: last_us[row],
            sources: source_texts.row(row),
            call_ids: call_id_texts.row(row),
            values: values.is_valid(row).then(|| &numbers[span]),
        };
        held.insert(name, &saved).map_err(value_error)?;
    }
    Ok(())
}

/// Lists of strings.
struct Strings<'a> {
    offsets: &'a [i32],
    texts: Texts<'a>,
}

impl<'a> Strings<'a> {
    fn of(name: &str, lists: &'a ListArray) -> PyResult<Self> {
        Ok(Self {
            offsets: lists.value_offsets(),
            texts: Texts::new(name, lists.values())?,
        })
    }

    fn row(&self, row: usize) -> Vec<&'a str> {
        let span = self.offsets[row] as usize..self.offsets[row + 1] as usize;
        span.filter_map(|at| self.texts.get(at)).collect()
    }
}

fn typed<'a, T: ?Sized>(state: &'a RecordBatch, name: &str, of: fn(&'a ArrayRef) -> Option<&'a T>) -> PyResult<&'a T> {
    let found = column(state, name)?;
    of(found).ok_or_else(|| misfit(name, found))
}

fn misfit(name: &str, found: &dyn Array) -> PyErr {
    let found: &DataType = found.data_type();
    PyValueError::new_err(format!(
        "state, {name}: expected the type of a saved caller's, found {found}"
    ))
}
