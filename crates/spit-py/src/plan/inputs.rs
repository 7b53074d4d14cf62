//! What a plan's inputs are declared as, and how they are read from a batch.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int16Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_schema::DataType;
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use spit_core::attempt::Keys;
use spit_core::plan::{self, Node};

use crate::attempt::{own_column, OwnColumns};
use crate::texts::Texts as TextColumn;

/// A declared column: kind, operands, numbers and words.
pub(super) type Declared = (String, Vec<usize>, Vec<f64>, Vec<String>);

/// How the inputs of one kind of event are read.
#[derive(Default)]
pub(super) struct Inputs {
    /// What an attempt says by itself.
    pub(super) own: Vec<(usize, usize)>,
    pub(super) numbers: Vec<(String, f64, usize)>,
    /// Position of a text among these, -1 for another or none.
    pub(super) codes: Vec<(String, Vec<String>, usize)>,
    /// Whether there is anything.
    pub(super) known: Vec<(String, usize)>,
    /// Handed over beside the batch.
    pub(super) given: Vec<(String, usize)>,
}

/// The inputs of one kind of event in a batch.
pub(super) struct Reader<'a> {
    own: &'a [(usize, usize)],
    numbers: Vec<(Numbers<'a>, f64, usize)>,
    codes: Vec<(TextColumn<'a>, &'a [String], usize)>,
    known: Vec<(&'a ArrayRef, usize)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(batch: &'a RecordBatch, inputs: &'a Inputs) -> PyResult<Self> {
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
    pub(super) fn read(&self, row: usize, mut put: impl FnMut(usize, f64)) {
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
    pub(super) fn put_attempt(&self, plan: &mut plan::Plan, row: usize, time_us: i64, own: &OwnColumns<'_>) -> Keys {
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

pub(crate) fn column<'a>(batch: &'a RecordBatch, name: &str) -> PyResult<&'a ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| PyKeyError::new_err(format!("expected a column {name}")))
}

pub(super) fn times_us(batch: &RecordBatch) -> PyResult<&[i64]> {
    match column(batch, "time_us")?.as_primitive_opt::<Int64Type>() {
        Some(times_us) if times_us.null_count() == 0 => Ok(times_us.values()),
        _ => Err(PyValueError::new_err("time_us: expected integers without null")),
    }
}

/// The nodes of a program and how its inputs are read.
pub(super) fn program(declared: &[Declared]) -> PyResult<(Vec<Node>, Inputs)> {
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
