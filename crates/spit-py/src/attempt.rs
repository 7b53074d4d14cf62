//! What attempts say by themselves, for batches; and one attempt read at once, without arrays between the steps.

use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedStr;
use pyo3::types::{PyDict, PyString};
use pyo3_arrow::PyRecordBatch;
use spit_core::attempt::{self, Keys, Texts, COLUMNS};
use spit_core::fold::{check_formulas, derive_row};

use crate::fold::{value_error, Last, Pairs, Sums};
use crate::formula::Formulas;
use crate::texts::Texts as Column;

/// Adds the classes and functions of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("ATTEMPT_COLUMNS", COLUMNS)?;
    m.add("NEIGHBOUR_DIGITS", attempt::NEIGHBOUR_DIGITS)?;
    m.add_class::<OneAttempt>()?;
    m.add_class::<AttemptReader>()?;
    m.add_function(wrap_pyfunction!(event_keys, m)?)?;
    m.add_function(wrap_pyfunction!(attempt_columns, m)?)
}

type KeyOf = fn(&Keys) -> u64;

fn key_of(name: &str) -> PyResult<KeyOf> {
    Keys::by_name(name).ok_or_else(|| PyKeyError::new_err(format!("expected the name of a key, found {name:?}")))
}

/// Calls a macro with every field of [`Texts`]: each is a column of its name.
macro_rules! for_texts {
    ($do:ident) => {
        $do!(
            method,
            caller,
            callee,
            caller_uri,
            source_ip,
            fingerprint,
            asserted_identity,
            attestation,
            origid,
            verstat,
            media,
            diverted_by,
            passport_types,
            passport_mismatch
        )
    };
}

/// Which rows of a batch are looked at, in this order.
enum Rows<'a> {
    All(usize),
    These(&'a [i64]),
}

impl<'a> Rows<'a> {
    fn of(batch: &PyRecordBatch, rows: Option<&'a PyReadonlyArray1<'_, i64>>) -> PyResult<Self> {
        let all = batch.as_ref().num_rows();
        let Some(rows) = rows else {
            return Ok(Rows::All(all));
        };
        let these = rows
            .as_slice()
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        match these
            .iter()
            .find(|&&row| usize::try_from(row).map_or(true, |row| row >= all))
        {
            Some(row) => Err(PyValueError::new_err(format!(
                "rows: expected rows of a batch of {all}, found {row}"
            ))),
            None => Ok(Rows::These(these)),
        }
    }

    fn len(&self) -> usize {
        match self {
            Rows::All(count) => *count,
            Rows::These(rows) => rows.len(),
        }
    }

    fn at(&self, i: usize) -> usize {
        match self {
            Rows::All(_) => i,
            Rows::These(rows) => rows[i] as usize,
        }
    }
}

/// These rows of a batch, one after another, and their number; a column that it lacks is null.
fn each_row(batch: &PyRecordBatch, rows: &Rows<'_>, mut row: impl FnMut(usize, &Texts<'_>)) -> PyResult<()> {
    let batch = batch.as_ref();
    macro_rules! read {
        ($($name:ident),*) => {{
            $(let $name = batch.column_by_name(stringify!($name))
                .map(|column| Column::new(stringify!($name), column)).transpose()?;)*
            for i in 0..rows.len() {
                let at = rows.at(i);
                row(i, &Texts { $($name: $name.as_ref().and_then(|column| column.get(at))),* });
            }
        }};
    }
    for_texts!(read);
    Ok(())
}

/// The keys of each event, or of these rows, by name in this order: uint64 [names, rows].
#[pyfunction]
#[pyo3(signature = (events, names, rows=None))]
fn event_keys<'py>(
    py: Python<'py>,
    events: PyRecordBatch,
    names: Vec<String>,
    rows: Option<PyReadonlyArray1<'py, i64>>,
) -> PyResult<Bound<'py, PyArray2<u64>>> {
    let of = names.iter().map(|name| key_of(name)).collect::<PyResult<Vec<_>>>()?;
    let rows = Rows::of(&events, rows.as_ref())?;
    let keys = py.detach(|| -> PyResult<_> {
        let mut keys = vec![0; of.len() * rows.len()];
        each_row(&events, &rows, |i, texts| {
            let found = Keys::of(texts);
            for (n, key) in of.iter().enumerate() {
                keys[n * rows.len() + i] = key(&found);
            }
        })?;
        Ok(keys)
    })?;
    PyArray1::from_vec(py, keys).reshape([of.len(), rows.len()])
}

/// What each attempt, or these rows, say by themselves: float64 [ATTEMPT_COLUMNS, rows].
#[pyfunction]
#[pyo3(signature = (attempts, rows=None))]
fn attempt_columns<'py>(
    py: Python<'py>,
    attempts: PyRecordBatch,
    rows: Option<PyReadonlyArray1<'py, i64>>,
) -> PyResult<Bound<'py, PyArray2<f64>>> {
    let rows = Rows::of(&attempts, rows.as_ref())?;
    let values = py.detach(|| -> PyResult<_> {
        let mut values = vec![0.0; COLUMNS.len() * rows.len()];
        each_row(&attempts, &rows, |i, texts| {
            for (n, value) in attempt::columns(texts).into_iter().enumerate() {
                values[n * rows.len() + i] = value;
            }
        })?;
        Ok(values)
    })?;
    PyArray1::from_vec(py, values).reshape([COLUMNS.len(), rows.len()])
}

/// Columns of [`OneAttempt`] after [`COLUMNS`].
const MORE_COLUMNS: [&str; 3] = ["passport_age_s", "hour_cos", "hour_sin"];

/// One attempt: its keys and its own columns.
#[pyclass(module = "spit._core", frozen)]
struct OneAttempt {
    #[pyo3(get)]
    time_us: i64,
    keys: Keys,
    columns: [f64; COLUMNS.len() + MORE_COLUMNS.len()],
}

#[pymethods]
impl OneAttempt {
    #[new]
    fn new<'py>(row: &Bound<'py, PyDict>) -> PyResult<Self> {
        let py = row.py();
        let text = |name: &Bound<'py, PyString>| -> PyResult<Option<PyBackedStr>> {
            value(row, name)?.map(|value| value.extract()).transpose()
        };
        let time_us = value(row, intern!(py, "time_us"))?
            .ok_or_else(|| PyValueError::new_err("attempt: expected time_us, found none"))?
            .extract()?;
        let age_s: Option<f64> = value(row, intern!(py, "passport_iat_age_s"))?
            .map(|age| age.extract())
            .transpose()?;
        macro_rules! read {
            ($($name:ident),*) => {{
                $(let $name = text(intern!(py, stringify!($name)))?;)*
                let texts = Texts { $($name: $name.as_deref()),* };
                (Keys::of(&texts), attempt::columns(&texts))
            }};
        }
        let (keys, own) = for_texts!(read);
        let (cos, sin) = attempt::hour(time_us);
        let more = [attempt::passport_age_s(age_s.unwrap_or(f64::NAN)), cos, sin];
        let mut columns = [0.0; COLUMNS.len() + MORE_COLUMNS.len()];
        let (first, second) = columns.split_at_mut(COLUMNS.len());
        first.copy_from_slice(&own);
        second.copy_from_slice(&more);
        Ok(Self { time_us, keys, columns })
    }

    fn key(&self, name: &str) -> PyResult<u64> {
        Ok(key_of(name)?(&self.keys))
    }
}

/// What stands in a row under a name; None is nothing.
fn value<'py>(row: &Bound<'py, PyDict>, name: &Bound<'py, PyString>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(row.get_item(name)?.filter(|value| !value.is_none()))
}

/// Where a column of the last matrix comes from.
#[derive(FromPyObject)]
enum Source {
    /// What the attempt says by itself, by name.
    Own(String),
    /// What the primitives answered: pairs first, then the previous values, one after another.
    Known(usize),
}

#[derive(Clone, Copy)]
enum Place {
    Own(usize),
    Known(usize),
}

struct KeptSums {
    sums: Py<Sums>,
    key: KeyOf,
    /// A second key, and the columns that are read with it.
    other: Option<(KeyOf, Vec<usize>)>,
}

/// Reads the features of one attempt: the same primitives and formulas as a batch's, in one call.
#[pyclass(module = "spit._core", frozen)]
struct AttemptReader {
    formulas: Py<Formulas>,
    columns: Vec<Place>,
    sums: Vec<KeptSums>,
    lasts: Vec<(Py<Last>, KeyOf)>,
    pairs: Vec<(Py<Pairs>, KeyOf)>,
}

type DeclaredSums = (Py<Sums>, String, Option<String>, Vec<usize>);

#[pymethods]
impl AttemptReader {
    #[new]
    #[pyo3(signature = (formulas, *, columns, sums, lasts, pairs))]
    fn new(
        py: Python<'_>,
        formulas: Py<Formulas>,
        columns: Vec<Source>,
        sums: Vec<DeclaredSums>,
        lasts: Vec<(Py<Last>, String)>,
        pairs: Vec<(Py<Pairs>, String)>,
    ) -> PyResult<Self> {
        let strides = lasts.iter().map(|(last, _)| last.borrow(py).stride());
        let known = pairs.len() + strides.sum::<usize>();
        let columns = columns
            .into_iter()
            .map(|source| place(&source, known))
            .collect::<PyResult<Vec<_>>>()?;
        let mut widths: Vec<_> = sums
            .iter()
            .map(|(sums, _, _, others)| sums.borrow(py).stride() + others.len())
            .collect();
        widths.push(columns.len());
        check_formulas(formulas.get().all(), &widths).map_err(value_error)?;
        let sums = sums
            .into_iter()
            .map(|(sums, key, other, others_columns)| {
                let other = other.map(|other| key_of(&other)).transpose()?;
                Ok(KeptSums {
                    sums,
                    key: key_of(&key)?,
                    other: other.map(|other| (other, others_columns)),
                })
            })
            .collect::<PyResult<_>>()?;
        Ok(Self {
            formulas,
            columns,
            sums,
            lasts: lasts
                .into_iter()
                .map(|(last, key)| Ok((last, key_of(&key)?)))
                .collect::<PyResult<_>>()?,
            pairs: pairs
                .into_iter()
                .map(|(pairs, key)| Ok((pairs, key_of(&key)?)))
                .collect::<PyResult<_>>()?,
        })
    }

    fn read<'py>(&self, py: Python<'py>, attempt: &Bound<'py, OneAttempt>) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let OneAttempt { time_us, keys, columns } = attempt.get();
        let mut known = Vec::with_capacity(self.columns.len());
        for (pairs, key) in &self.pairs {
            pairs.try_borrow(py)?.read_into(key(keys), *time_us, &mut known)?;
        }
        for (last, key) in &self.lasts {
            last.try_borrow(py)?.read_into(key(keys), *time_us, &mut known)?;
        }
        let own: Vec<_> = self
            .columns
            .iter()
            .map(|place| match *place {
                Place::Own(at) => columns[at],
                Place::Known(at) => known[at],
            })
            .collect();
        let mut rows = Vec::with_capacity(self.sums.len());
        for kept in &self.sums {
            let sums = kept.sums.try_borrow(py)?;
            let mut row = Vec::new();
            sums.read_into((kept.key)(keys), *time_us, &mut row)?;
            if let Some((other, others_columns)) = &kept.other {
                sums.read_some_into(other(keys), *time_us, others_columns, &mut row)?;
            }
            rows.push(row);
        }
        let mut row: Vec<&[f64]> = rows.iter().map(Vec::as_slice).collect();
        row.push(&own);
        let formulas = self.formulas.get().all();
        let mut values = Vec::with_capacity(formulas.len());
        derive_row(formulas, &row, &mut values);
        PyArray1::from_vec(py, values).reshape([1, formulas.len()])
    }
}

fn place(source: &Source, known: usize) -> PyResult<Place> {
    match source {
        Source::Own(name) => COLUMNS
            .iter()
            .chain(&MORE_COLUMNS)
            .position(|found| found == name)
            .map(Place::Own)
            .ok_or_else(|| PyKeyError::new_err(format!("columns: expected the name of a column, found {name:?}"))),
        Source::Known(at) if *at < known => Ok(Place::Known(*at)),
        Source::Known(at) => Err(PyValueError::new_err(format!(
            "columns: expected one of {known} answers, found {at}"
        ))),
    }
}
