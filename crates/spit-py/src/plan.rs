//! Batches of events through a declared plan: columns in, keys and features out, in one call.

mod inputs;

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use numpy::{PyArray1, PyArray2, PyArrayMethods};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::False;
use pyo3::PyClass;
use pyo3_arrow::PyRecordBatch;
use spit_core::attempt::Keys;
use spit_core::call::EventKind;
use spit_core::plan::{self, Added, Every, Held, KeyOf, Seen};

use crate::attempt::{key_of, key_of_end, OwnColumns};
use crate::fold::{value_error, Last, Pairs, Sums};
use crate::formula::Formulas;
use crate::handed::{Attempts, Events};
pub(crate) use crate::plan::inputs::column;
use crate::plan::inputs::{program, times_us, Declared, Inputs, Reader};
use crate::texts::Texts as TextColumn;

/// Adds the classes of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PairsStep>()?;
    m.add_class::<LastStep>()?;
    m.add_class::<SumsStep>()?;
    m.add_class::<Plan>()
}

/// A turn of [`Pairs`].
#[pyclass(module = "spit._core", frozen)]
struct PairsStep {
    pairs: Py<Pairs>,
    key: KeyOf,
    reverse: Option<(KeyOf, usize)>,
    attempts: (Option<usize>, usize),
    ends: Option<(Option<usize>, usize)>,
}

#[pymethods]
impl PairsStep {
    #[new]
    #[pyo3(signature = (pairs, key, *, attempts, ends=None, reverse=None))]
    fn new(
        pairs: Py<Pairs>,
        key: &str,
        attempts: (Option<usize>, usize),
        ends: Option<(Option<usize>, usize)>,
        reverse: Option<(String, usize)>,
    ) -> PyResult<Self> {
        Ok(Self {
            pairs,
            key: if ends.is_some() { key_of_end(key) } else { key_of(key) }?,
            reverse: reverse
                .map(|(key, answer)| key_of(&key).map(|key| (key, answer)))
                .transpose()?,
            attempts,
            ends,
        })
    }
}

/// A turn of [`Last`].
#[pyclass(module = "spit._core", frozen)]
struct LastStep {
    last: Py<Last>,
    key: KeyOf,
    update: usize,
    values: Vec<usize>,
    answers: Vec<usize>,
}

#[pymethods]
impl LastStep {
    #[new]
    #[pyo3(signature = (last, key, *, update, values, answers))]
    fn new(last: Py<Last>, key: &str, update: usize, values: Vec<usize>, answers: Vec<usize>) -> PyResult<Self> {
        Ok(Self {
            last,
            key: key_of(key)?,
            update,
            values,
            answers,
        })
    }
}

/// What the events of a kind add to sums: whether they do (None: always), and a column for each contribution.
type DeclaredAdded = (Option<usize>, Vec<Option<usize>>);

/// A turn of [`Sums`].
#[pyclass(module = "spit._core", frozen)]
struct SumsStep {
    sums: Py<Sums>,
    key: KeyOf,
    other: Option<(KeyOf, Vec<usize>)>,
    attempts: DeclaredAdded,
    ends: DeclaredAdded,
    every: Option<(usize, usize, usize)>,
}

#[pymethods]
impl SumsStep {
    #[new]
    #[pyo3(signature = (sums, key, *, attempts, ends, other=None, every=None))]
    fn new(
        sums: Py<Sums>,
        key: &str,
        attempts: DeclaredAdded,
        ends: DeclaredAdded,
        other: Option<(String, Vec<usize>)>,
        every: Option<(usize, usize, usize)>,
    ) -> PyResult<Self> {
        Ok(Self {
            sums,
            key: key_of_end(key)?,
            other: other
                .map(|(key, columns)| key_of(&key).map(|key| (key, columns)))
                .transpose()?,
            attempts,
            ends,
            every,
        })
    }
}

/// One of the three.
#[derive(FromPyObject)]
enum DeclaredStep<'py> {
    Pairs(Bound<'py, PairsStep>),
    Last(Bound<'py, LastStep>),
    Sums(Bound<'py, SumsStep>),
}

/// What events do to primitives and what attempts read, as it is declared.
#[pyclass(module = "spit._core", frozen)]
struct Plan {
    attempts: Inputs,
    ends: Inputs,
    keys: Vec<KeyOf>,
    pairs: Vec<Py<Pairs>>,
    lasts: Vec<Py<Last>>,
    sums: Vec<Py<Sums>>,
    /// The rows at hand: one batch after another.
    plan: Mutex<plan::Plan>,
}

/// Features of the attempts, their rows, keys and times; they as a handle; rows of the ends; the latest time.
type Observed<'py> = (
    Bound<'py, PyArray2<f32>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray2<u64>>,
    Bound<'py, PyArray1<i64>>,
    Attempts,
    Bound<'py, PyArray1<i64>>,
    Option<i64>,
);

#[pymethods]
impl Plan {
    #[new]
    #[pyo3(signature = (formulas, *, attempts, ends, steps, columns, keys))]
    fn new(
        py: Python<'_>,
        formulas: &Bound<'_, Formulas>,
        attempts: Vec<Declared>,
        ends: Vec<Declared>,
        steps: Vec<DeclaredStep<'_>>,
        columns: Vec<usize>,
        keys: Vec<String>,
    ) -> PyResult<Self> {
        let (attempts, attempt_inputs) = program(&attempts)?;
        let (ends, end_inputs) = program(&ends)?;
        if !end_inputs.own.is_empty() || !attempt_inputs.given.is_empty() {
            return Err(PyValueError::new_err(
                "columns: expected those of an attempt's own with attempts and given ones with ends",
            ));
        }
        let (mut pairs, mut lasts, mut sums) = (Vec::new(), Vec::new(), Vec::new());
        let steps = steps.iter().map(|step| match step {
            DeclaredStep::Pairs(step) => {
                let step = step.get();
                pairs.push(step.pairs.clone_ref(py));
                plan::Step::Pairs(plan::PairsStep {
                    pairs: pairs.len() - 1,
                    key: step.key,
                    reverse: step.reverse,
                    attempts: step.attempts,
                    ends: step.ends,
                })
            }
            DeclaredStep::Last(step) => {
                let step = step.get();
                lasts.push(step.last.clone_ref(py));
                plan::Step::Last(plan::LastStep {
                    last: lasts.len() - 1,
                    key: step.key,
                    update: step.update,
                    values: step.values.clone(),
                    answers: step.answers.clone(),
                })
            }
            DeclaredStep::Sums(step) => {
                let step = step.get();
                sums.push(step.sums.clone_ref(py));
                let added = |(update, contributions): &DeclaredAdded| Added::new(*update, contributions.clone());
                let every = step.every.map(|(column, attempt, end)| Every { column, attempt, end });
                plan::Step::Sums(plan::SumsStep::new(
                    sums.len() - 1,
                    step.key,
                    step.other.clone(),
                    added(&step.attempts),
                    added(&step.ends),
                    every,
                ))
            }
        });
        let steps: Vec<_> = steps.collect();
        let plan = {
            let held = borrow(py, &sums)?;
            let held: Vec<_> = held.iter().map(|sums| sums.inner()).collect();
            plan::Plan::new(&attempts, &ends, steps, &held, formulas.get().all().to_vec(), columns)
        };
        Ok(Self {
            attempts: attempt_inputs,
            ends: end_inputs,
            keys: keys.iter().map(|name| key_of(name)).collect::<PyResult<_>>()?,
            plan: Mutex::new(plan.map_err(value_error)?),
            pairs,
            lasts,
            sums,
        })
    }

    fn fold<'py>(
        &self,
        py: Python<'py>,
        events: Bound<'py, Events>,
        offset: usize,
        length: usize,
    ) -> PyResult<Observed<'py>> {
        let handed = events.get();
        let count = handed.batch().num_rows();
        let rows = offset.min(count)..offset.saturating_add(length).min(count);
        let given = self.ends.given.iter().map(|(name, at)| Ok((handed.given(name)?, *at)));
        let given = given.collect::<PyResult<Vec<_>>>()?;
        let mut pairs = borrow_mut(py, &self.pairs)?;
        let mut lasts = borrow_mut(py, &self.lasts)?;
        let mut sums = borrow_mut(py, &self.sums)?;
        let mut held = Held {
            pairs: pairs.iter_mut().map(|pairs| pairs.inner_mut()).collect(),
            lasts: lasts.iter_mut().map(|last| last.inner_mut()).collect(),
            sums: sums.iter_mut().map(|sums| sums.inner_mut()).collect(),
        };
        let (observed, width) = py.detach(|| {
            let mut plan = self.plan();
            let observed = fold(&mut plan, &mut held, (handed.batch(), rows), self, &given);
            observed.map(|observed| (observed, plan.width()))
        })?;
        let count = observed.rows.len();
        Ok((
            PyArray1::from_vec(py, observed.values).reshape([count, width])?,
            PyArray1::from_slice(py, &observed.rows),
            PyArray1::from_vec(py, observed.keys).reshape([self.keys.len(), count])?,
            PyArray1::from_vec(py, observed.times_us),
            Attempts::of(events.unbind(), observed.rows),
            PyArray1::from_vec(py, observed.ends),
            observed.latest_us,
        ))
    }

    fn read<'py>(&self, py: Python<'py>, attempts: PyRecordBatch) -> PyResult<Bound<'py, PyArray2<f32>>> {
        let batch = attempts.into_inner();
        let pairs = borrow(py, &self.pairs)?;
        let lasts = borrow(py, &self.lasts)?;
        let sums = borrow(py, &self.sums)?;
        let seen = Seen {
            pairs: pairs.iter().map(|pairs| pairs.inner()).collect(),
            lasts: lasts.iter().map(|last| last.inner()).collect(),
            sums: sums.iter().map(|sums| sums.inner()).collect(),
        };
        let (values, width) = py.detach(|| {
            let mut plan = self.plan();
            read(&mut plan, &seen, &batch, &self.attempts).map(|values| (values, plan.width()))
        })?;
        PyArray1::from_vec(py, values).reshape([batch.num_rows(), width])
    }
}

impl Plan {
    /// A panic elsewhere leaves no rows that matter: each batch begins with none.
    fn plan(&self) -> MutexGuard<'_, plan::Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn borrow<'py, T: PyClass>(py: Python<'py>, all: &[Py<T>]) -> PyResult<Vec<PyRef<'py, T>>> {
    Ok(all
        .iter()
        .map(|one| one.bind(py).try_borrow())
        .collect::<Result<_, _>>()?)
}

fn borrow_mut<'py, T>(py: Python<'py>, all: &[Py<T>]) -> PyResult<Vec<PyRefMut<'py, T>>>
where
    T: PyClass<Frozen = False>,
{
    Ok(all
        .iter()
        .map(|one| one.bind(py).try_borrow_mut())
        .collect::<Result<_, _>>()?)
}

struct Answers {
    values: Vec<f32>,
    rows: Vec<i64>,
    /// Those of one name after another.
    keys: Vec<u64>,
    times_us: Vec<i64>,
    ends: Vec<i64>,
    latest_us: Option<i64>,
}

fn fold(
    plan: &mut plan::Plan,
    held: &mut Held<'_>,
    (batch, rows): (&RecordBatch, Range<usize>),
    declared: &Plan,
    given: &[(&[f64], usize)],
) -> PyResult<Answers> {
    let kinds = column(batch, "event")?;
    let kinds = TextColumn::new("event", kinds)?;
    let times_us = times_us(batch)?;
    let own = OwnColumns::new(batch)?;
    let attempts = Reader::new(batch, &declared.attempts)?;
    let ends = Reader::new(batch, &declared.ends)?;
    let mut answers = Answers {
        values: Vec::with_capacity(rows.len() / 2 * plan.width()),
        rows: Vec::new(),
        keys: Vec::new(),
        times_us: Vec::new(),
        ends: Vec::new(),
        latest_us: times_us[rows.clone()].iter().copied().max(),
    };
    let mut keys: Vec<Keys> = Vec::new();
    plan.clear();
    for row in rows {
        let kind = kinds.get(row);
        if kind == Some(EventKind::Attempt.name()) {
            let of_attempt = attempts.put_attempt(plan, row, times_us[row], &own);
            keys.push(of_attempt);
            answers.rows.push(row as i64);
            answers.times_us.push(times_us[row]);
        } else if kind == Some(EventKind::End.name()) {
            let place = plan.push_end(times_us[row], Keys::of_end(&own.key_texts(row)));
            ends.read(row, |column, value| plan.put_end(column, place, value));
            for &(values, column) in given {
                plan.put_end(column, place, values[row]);
            }
            answers.ends.push(row as i64);
        }
        if plan.is_full() {
            plan.fold(held, &mut answers.values).map_err(value_error)?;
        }
    }
    plan.fold(held, &mut answers.values).map_err(value_error)?;
    answers.keys.reserve(declared.keys.len() * keys.len());
    for key in &declared.keys {
        answers.keys.extend(keys.iter().map(key));
    }
    Ok(answers)
}

fn read(plan: &mut plan::Plan, seen: &Seen<'_>, batch: &RecordBatch, declared: &Inputs) -> PyResult<Vec<f32>> {
    let times_us = times_us(batch)?;
    let own = OwnColumns::new(batch)?;
    let attempts = Reader::new(batch, declared)?;
    let mut values = Vec::with_capacity(batch.num_rows() * plan.width());
    plan.clear();
    for (row, &time_us) in times_us.iter().enumerate() {
        attempts.put_attempt(plan, row, time_us, &own);
        if plan.is_full() {
            plan.read(seen, &mut values);
        }
    }
    plan.read(seen, &mut values);
    Ok(values)
}
