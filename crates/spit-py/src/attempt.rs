//! What attempts say by themselves, for batches; and one attempt read at once, without arrays between the steps.

use arrow_array::cast::AsArray;
use arrow_array::{Array, Float64Array, RecordBatch};
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

/// Calls a macro with every field of [`Texts`]: each is a column of its name.
macro_rules! for_texts {
    ($do:ident) => {
        $do! {
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
        }
    };
}

/// The names themselves.
macro_rules! names {
    ($($name:ident),*) => { [$(stringify!($name)),*] };
}

/// Adds the classes and functions of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("TEXT_COLUMNS", for_texts!(names))?;
    m.add("NEIGHBOUR_DIGITS", attempt::NEIGHBOUR_DIGITS)?;
    m.add_class::<OneAttempt>()?;
    m.add_class::<AttemptReader>()?;
    m.add_function(wrap_pyfunction!(event_keys, m)?)
}

type KeyOf = fn(&Keys) -> u64;

pub(crate) fn key_of(name: &str) -> PyResult<KeyOf> {
    Keys::by_name(name).ok_or_else(|| PyKeyError::new_err(format!("expected the name of a key, found {name:?}")))
}

/// A key that ends have as well.
pub(crate) fn key_of_end(name: &str) -> PyResult<KeyOf> {
    if !attempt::END_KEYS.contains(&name) {
        return Err(PyKeyError::new_err(format!(
            "expected the name of a key of ends, found {name:?}"
        )));
    }
    key_of(name)
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

/// The columns of texts of a batch; one that it lacks is null.
macro_rules! text_columns {
    ($($name:ident),*) => {
        struct TextColumns<'a> { $($name: Option<Column<'a>>),* }

        impl<'a> TextColumns<'a> {
            fn new(batch: &'a RecordBatch) -> PyResult<Self> {
                Ok(Self {
                    $($name: batch.column_by_name(stringify!($name))
                        .map(|column| Column::new(stringify!($name), column)).transpose()?),*
                })
            }

            fn row(&self, row: usize) -> Texts<'a> {
                Texts { $($name: self.$name.as_ref().and_then(|column| column.get(row))),* }
            }
        }
    };
}
for_texts!(text_columns);

/// What events of a batch say by themselves.
pub(crate) struct OwnColumns<'a> {
    texts: TextColumns<'a>,
    passport_iat_age_s: Option<&'a Float64Array>,
}

impl<'a> OwnColumns<'a> {
    pub(crate) fn new(batch: &'a RecordBatch) -> PyResult<Self> {
        let age_s = batch.column_by_name("passport_iat_age_s");
        Ok(Self {
            texts: TextColumns::new(batch)?,
            passport_iat_age_s: age_s.and_then(|column| column.as_primitive_opt()),
        })
    }

    /// The keys of an attempt, and its columns: those of [`own_column`].
    pub(crate) fn attempt(&self, row: usize, time_us: i64) -> (Keys, [f64; OWN_COLUMNS]) {
        let texts = self.texts.row(row);
        let age_s = self
            .passport_iat_age_s
            .filter(|ages_s| ages_s.is_valid(row))
            .map_or(f64::NAN, |ages_s| ages_s.value(row));
        (Keys::of(&texts), own_columns(&texts, time_us, age_s))
    }

    /// The texts that keys are made of.
    pub(crate) fn key_texts(&self, row: usize) -> Texts<'a> {
        let texts = &self.texts;
        let text = |column: &Option<Column<'a>>| column.as_ref().and_then(|column| column.get(row));
        Texts {
            caller: text(&texts.caller),
            callee: text(&texts.callee),
            source_ip: text(&texts.source_ip),
            fingerprint: text(&texts.fingerprint),
            origid: text(&texts.origid),
            ..Texts::default()
        }
    }
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
        let own = OwnColumns::new(events.as_ref())?;
        for i in 0..rows.len() {
            let found = Keys::of(&own.key_texts(rows.at(i)));
            for (n, key) in of.iter().enumerate() {
                keys[n * rows.len() + i] = key(&found);
            }
        }
        Ok(keys)
    })?;
    PyArray1::from_vec(py, keys).reshape([of.len(), rows.len()])
}

/// Columns of [`OneAttempt`] after [`COLUMNS`].
const MORE_COLUMNS: [&str; 3] = ["passport_age_s", "hour_cos", "hour_sin"];

/// What an attempt says by itself.
const OWN_COLUMNS: usize = COLUMNS.len() + MORE_COLUMNS.len();

/// The position of a column among what an attempt says by itself.
pub(crate) fn own_column(name: &str) -> PyResult<usize> {
    COLUMNS
        .iter()
        .chain(&MORE_COLUMNS)
        .position(|&found| found == name)
        .ok_or_else(|| PyKeyError::new_err(format!("columns: expected the name of a column, found {name:?}")))
}

fn own_columns(texts: &Texts<'_>, time_us: i64, age_s: f64) -> [f64; OWN_COLUMNS] {
    let (cos, sin) = attempt::hour(time_us);
    let mut columns = [0.0; OWN_COLUMNS];
    let (first, second) = columns.split_at_mut(COLUMNS.len());
    first.copy_from_slice(&attempt::columns(texts));
    second.copy_from_slice(&[attempt::passport_age_s(age_s), cos, sin]);
    columns
}

/// One attempt: its keys and its own columns.
#[pyclass(module = "spit._core", frozen)]
struct OneAttempt {
    #[pyo3(get)]
    time_us: i64,
    keys: Keys,
    columns: [f64; OWN_COLUMNS],
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
                let columns = own_columns(&texts, time_us, age_s.unwrap_or(f64::NAN));
                (Keys::of(&texts), columns)
            }};
        }
        let (keys, columns) = for_texts!(read);
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
        let strides = lasts.iter().map(|(last, _)| last.borrow(py).inner().stride());
        let known = pairs.len() + strides.sum::<usize>();
        let columns = columns
            .into_iter()
            .map(|source| place(&source, known))
            .collect::<PyResult<Vec<_>>>()?;
        let mut widths: Vec<_> = sums
            .iter()
            .map(|(sums, _, _, others)| sums.borrow(py).inner().stride() + others.len())
            .collect();
        widths.push(columns.len());
        check_formulas(formulas.get().all(), &widths).map_err(value_error)?;
        let sums = sums
            .into_iter()
            .map(|(sums, key, other, others_columns)| {
                let other = other.map(|other| key_of(&other)).transpose()?;
                let held = sums.borrow(py);
                held.inner().check_columns(&others_columns).map_err(value_error)?;
                drop(held);
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
            known.push(pairs.try_borrow(py)?.inner().read_one(key(keys), *time_us));
        }
        for (last, key) in &self.lasts {
            let (last, start) = (last.try_borrow(py)?, known.len());
            known.resize(start + last.inner().stride(), 0.0);
            last.inner().read_one(key(keys), *time_us, &mut known[start..]);
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
            let (sums, more) = (
                sums.inner(),
                kept.other.as_ref().map_or(0, |(_, columns)| columns.len()),
            );
            let mut row = vec![0.0; sums.stride() + more];
            let (own, of_other) = row.split_at_mut(sums.stride());
            sums.read_one((kept.key)(keys), *time_us, own);
            if let Some((other, others_columns)) = &kept.other {
                sums.read_columns(other(keys), *time_us, others_columns, of_other);
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
        Source::Own(name) => own_column(name).map(Place::Own),
        Source::Known(at) if *at < known => Ok(Place::Known(*at)),
        Source::Known(at) => Err(PyValueError::new_err(format!(
            "columns: expected one of {known} answers, found {at}"
        ))),
    }
}
