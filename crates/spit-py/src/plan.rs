//! Batches of events through a declared plan: columns in, keys and features out, in one call.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_schema::DataType;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::False;
use pyo3::PyClass;
use pyo3_arrow::PyRecordBatch;
use spit_core::attempt::Keys;
use spit_core::call::EventKind;
use spit_core::plan::{self, Added, Every, Held, KeyOf, Node, Seen};

use crate::attempt::{key_of, key_of_end, own_column, OwnColumns};
use crate::fold::{value_error, Last, Pairs, Sums};
use crate::formula::Formulas;
use crate::texts::Texts as TextColumn;

/// Adds the classes of this file to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PairsStep>()?;
    m.add_class::<LastStep>()?;
    m.add_class::<SumsStep>()?;
    m.add_class::<Plan>()
}

/// A declared column: kind, operands, numbers and words.
type Declared = (String, Vec<usize>, Vec<f64>, Vec<String>);

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

/// How the inputs of one kind of event are read.
#[derive(Default)]
struct Inputs {
    /// What an attempt says by itself.
    own: Vec<(usize, usize)>,
    numbers: Vec<(String, f64, usize)>,
    /// Position of a text among these, -1 for another or none.
    codes: Vec<(String, Vec<String>, usize)>,
    /// Whether there is anything.
    known: Vec<(String, usize)>,
    /// Handed over beside the batch.
    given: Vec<(String, usize)>,
}

/// Numbers of all rows of a batch, by name.
type Given<'py> = HashMap<String, PyReadonlyArray1<'py, f64>>;

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

type Observed<'py> = (
    Bound<'py, PyArray2<f32>>,
    Bound<'py, PyArray1<i64>>,
    Bound<'py, PyArray2<u64>>,
    Bound<'py, PyArray1<i64>>,
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

    fn fold<'py>(&self, py: Python<'py>, events: PyRecordBatch, given: Given<'py>) -> PyResult<Observed<'py>> {
        let batch = events.into_inner();
        let mut of_ends = Vec::with_capacity(self.ends.given.len());
        for (name, at) in &self.ends.given {
            let values = given.get(name).map(|values| values.as_slice()).transpose()?;
            match values.filter(|values| values.len() == batch.num_rows()) {
                Some(values) => of_ends.push((values, *at)),
                None => {
                    return Err(PyValueError::new_err(format!(
                        "{name}: expected a number for each event"
                    )))
                }
            }
        }
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
            fold(&mut plan, &mut held, &batch, self, &of_ends).map(|observed| (observed, plan.width()))
        })?;
        let count = observed.rows.len();
        Ok((
            PyArray1::from_vec(py, observed.values).reshape([count, width])?,
            PyArray1::from_vec(py, observed.rows),
            PyArray1::from_vec(py, observed.keys).reshape([self.keys.len(), count])?,
            PyArray1::from_vec(py, observed.ends),
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
    ends: Vec<i64>,
}

fn fold(
    plan: &mut plan::Plan,
    held: &mut Held<'_>,
    batch: &RecordBatch,
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
        values: Vec::with_capacity(batch.num_rows() / 2 * plan.width()),
        rows: Vec::new(),
        keys: Vec::new(),
        ends: Vec::new(),
    };
    let mut keys: Vec<Keys> = Vec::new();
    plan.clear();
    for row in 0..batch.num_rows() {
        let kind = kinds.get(row);
        if kind == Some(EventKind::Attempt.name()) {
            let of_attempt = attempts.put_attempt(plan, row, times_us[row], &own);
            keys.push(of_attempt);
            answers.rows.push(row as i64);
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

/// The inputs of one kind of event in a batch.
struct Reader<'a> {
    own: &'a [(usize, usize)],
    numbers: Vec<(Numbers<'a>, f64, usize)>,
    codes: Vec<(TextColumn<'a>, &'a [String], usize)>,
    known: Vec<(&'a ArrayRef, usize)>,
}

impl<'a> Reader<'a> {
    fn new(batch: &'a RecordBatch, inputs: &'a Inputs) -> PyResult<Self> {
        let numbers = inputs.numbers.iter().map(|(name, null, at)| {
            let numbers = Numbers::new(name, column(batch, name)?)?;
            Ok((numbers, *null, *at))
        });
        let codes = inputs.codes.iter().map(|(name, words, at)| {
            let texts = TextColumn::new(name, column(batch, name)?)?;
            Ok((texts, words.as_slice(), *at))
        });
        let known = inputs.known.iter().map(|(name, at)| Ok((column(batch, name)?, *at)));
        Ok(Self {
            own: &inputs.own,
            numbers: numbers.collect::<PyResult<_>>()?,
            codes: codes.collect::<PyResult<_>>()?,
            known: known.collect::<PyResult<_>>()?,
        })
    }

    /// What stands in a row, column by column.
    fn read(&self, row: usize, mut put: impl FnMut(usize, f64)) {
        for (numbers, null, at) in &self.numbers {
            put(*at, numbers.get(row).unwrap_or(*null));
        }
        for (texts, words, at) in &self.codes {
            let found = texts
                .get(row)
                .and_then(|text| words.iter().position(|word| word == text));
            put(*at, found.map_or(-1.0, |code| code as f64));
        }
        for (column, at) in &self.known {
            put(*at, f64::from(u8::from(column.is_valid(row))));
        }
    }

    /// Takes an attempt into the plan; its keys.
    fn put_attempt(&self, plan: &mut plan::Plan, row: usize, time_us: i64, own: &OwnColumns<'_>) -> Keys {
        let (keys, columns) = own.attempt(row, time_us);
        let place = plan.push_attempt(time_us, keys);
        for &(column, at) in self.own {
            plan.put_attempt(at, place, columns[column]);
        }
        self.read(row, |column, value| plan.put_attempt(column, place, value));
        keys
    }
}

/// A column of numbers of a batch of events.
enum Numbers<'a> {
    Float(&'a PrimitiveArray<Float64Type>),
    Long(&'a PrimitiveArray<Int64Type>),
    Short(&'a PrimitiveArray<Int16Type>),
    Truth(&'a BooleanArray),
    AllNull,
}

impl<'a> Numbers<'a> {
    fn new(name: &str, column: &'a ArrayRef) -> PyResult<Self> {
        Ok(match column.data_type() {
            DataType::Float64 => Self::Float(column.as_primitive()),
            DataType::Int64 => Self::Long(column.as_primitive()),
            DataType::Int16 => Self::Short(column.as_primitive()),
            DataType::Boolean => Self::Truth(column.as_boolean()),
            DataType::Null => Self::AllNull,
            other => {
                return Err(PyValueError::new_err(format!(
                    "{name}: expected the type of an event's column, found {other}"
                )))
            }
        })
    }

    fn get(&self, row: usize) -> Option<f64> {
        match self {
            Self::Float(values) => values.is_valid(row).then(|| values.value(row)),
            Self::Long(values) => values.is_valid(row).then(|| values.value(row) as f64),
            Self::Short(values) => values.is_valid(row).then(|| f64::from(values.value(row))),
            Self::Truth(values) => values.is_valid(row).then(|| f64::from(u8::from(values.value(row)))),
            Self::AllNull => None,
        }
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> PyResult<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| PyKeyError::new_err(format!("expected a column {name}")))
}

fn times_us(batch: &RecordBatch) -> PyResult<&[i64]> {
    match column(batch, "time_us")?.as_primitive_opt::<Int64Type>() {
        Some(times_us) if times_us.null_count() == 0 => Ok(times_us.values()),
        _ => Err(PyValueError::new_err("time_us: expected integers without null")),
    }
}

/// The nodes of a program and how its inputs are read.
fn program(declared: &[Declared]) -> PyResult<(Vec<Node>, Inputs)> {
    let mut inputs = Inputs::default();
    let nodes = declared
        .iter()
        .enumerate()
        .map(|(at, (kind, operands, numbers, words))| {
            if let Some(node) = operation(kind, operands, numbers) {
                return Ok(node);
            }
            match (kind.as_str(), &numbers[..], &words[..]) {
                ("answer", [], [_]) => {}
                ("own", [], [name]) => inputs.own.push((own_column(name)?, at)),
                ("number", &[null], [name]) => inputs.numbers.push((name.clone(), null, at)),
                ("code", [], [name, words @ ..]) => inputs.codes.push((name.clone(), words.to_vec(), at)),
                ("known", [], [name]) => inputs.known.push((name.clone(), at)),
                ("given", [], [name]) => inputs.given.push((name.clone(), at)),
                _ => {
                    return Err(PyValueError::new_err(format!(
                        "column {at}: expected a kind with its operands, numbers and words, found {kind} with {}, {} \
                         and {}",
                        operands.len(),
                        numbers.len(),
                        words.len()
                    )))
                }
            }
            Ok(Node::Input)
        })
        .collect::<PyResult<_>>()?;
    Ok((nodes, inputs))
}

fn operation(kind: &str, operands: &[usize], numbers: &[f64]) -> Option<Node> {
    Some(match (kind, operands, numbers) {
        ("constant", &[], &[value]) => Node::Constant(value),
        ("not", &[x], &[]) => Node::Not(x),
        ("is_finite", &[x], &[]) => Node::IsFinite(x),
        ("magnitude", &[x], &[]) => Node::Magnitude(x),
        ("floor", &[x], &[]) => Node::Floor(x),
        ("negated", &[x], &[]) => Node::Negated(x),
        ("log_one_plus", &[x], &[]) => Node::LogOnePlus(x),
        ("and", &[x, y], &[]) => Node::And(x, y),
        ("or", &[x, y], &[]) => Node::Or(x, y),
        ("less", &[x, y], &[]) => Node::Less(x, y),
        ("at_most", &[x, y], &[]) => Node::AtMost(x, y),
        ("equal", &[x, y], &[]) => Node::Equal(x, y),
        ("difference", &[x, y], &[]) => Node::Difference(x, y),
        ("product", &[x, y], &[]) => Node::Product(x, y),
        ("quotient", &[x, y], &[]) => Node::Quotient(x, y),
        ("lesser", &[x, y], &[]) => Node::Lesser(x, y),
        ("clipped", &[x], &[low, high]) => Node::Clipped(x, low, high),
        ("choice", &[condition, x, otherwise], &[]) => Node::Choice(condition, x, otherwise),
        _ => return None,
    })
}
