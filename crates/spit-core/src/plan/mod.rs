//! What a batch of events does to the primitives, and what its attempts read: as it is declared, all in one go.
//!
//! Which columns an event has, what it adds to which sums, in which order the primitives are asked and what derives
//! from their answers is declared by the caller; here it is carried out, for up to [`MAX_ROWS`] events at a time and
//! primitive after primitive: what one of them knows of neighbours lies side by side, and an expression is a loop over
//! rows. Primitives share no state, so this gives what one event after another would.

mod program;
mod steps;
#[cfg(test)]
mod tests;

use crate::attempt::Keys;
use crate::fold::{check_formulas, derive_columns, Columns, FoldError, Formula, Hint, Last, Pairs, Sums};
use crate::Micros;

pub use program::{Node, MAX_ROWS};
use program::{Program, STRIDE};
pub use steps::{Added, Every, LastStep, PairsStep, Step, SumsStep};

/// A key of an event.
pub type KeyOf = fn(&Keys) -> u64;

/// The primitives of a plan, to be folded into. Steps name them by their place here.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "named as the types")]
pub struct Held<'a> {
    pub pairs: Vec<&'a mut Pairs>,
    pub lasts: Vec<&'a mut Last>,
    pub sums: Vec<&'a mut Sums>,
}

/// The same, to be read.
#[derive(Debug, Default)]
#[allow(missing_docs, reason = "named as the types")]
pub struct Seen<'a> {
    pub pairs: Vec<&'a Pairs>,
    pub lasts: Vec<&'a Last>,
    pub sums: Vec<&'a Sums>,
}

/// An event of the block.
#[derive(Debug, Clone, Copy)]
struct Row {
    time_us: Micros,
    is_attempt: bool,
    /// Its row among those of its kind.
    place: usize,
    keys: Keys,
}

/// The rows at hand and what is known of them so far.
#[derive(Debug)]
struct Block {
    rows: Vec<Row>,
    attempts: Program,
    ends: Program,
    /// What formulas read, column after column: those of all sums, then the attempts' own.
    matrix: Vec<f64>,
    attempt_count: usize,
    end_count: usize,
    /// Where a step found the keys of rows: its own, and of pairs the other way round.
    hints: Vec<(Hint, Hint)>,
}

impl Block {
    /// What became known with a step.
    fn work_out(&mut self, step: usize) {
        self.attempts.run(step, self.attempt_count);
        self.ends.run(step, self.end_count);
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.attempt_count = 0;
        self.end_count = 0;
    }
}

/// Declared columns, steps and formulas, ready to be carried out.
#[derive(Debug)]
pub struct Plan {
    steps: Vec<Step>,
    formulas: Vec<Formula>,
    /// Columns of attempts that are the formulas' last matrix.
    columns: Vec<usize>,
    /// Where each matrix begins among the columns that formulas read.
    starts: Vec<usize>,
    block: Block,
}

impl Plan {
    /// `attempts`, `ends`: the columns of events of each kind. Formulas read a matrix for each step of sums, in their
    /// order, and then `columns` of the attempts. `sums`: those that the steps name.
    ///
    /// Fails where a step or formula reads what is not there, or not known by then.
    pub fn new(
        attempts: &[Node],
        ends: &[Node],
        mut steps: Vec<Step>,
        sums: &[&Sums],
        formulas: Vec<Formula>,
        columns: Vec<usize>,
    ) -> Result<Self, FoldError> {
        let (mut attempts, mut ends) = (Program::new("attempts", attempts)?, Program::new("ends", ends)?);
        let mut widths = Vec::new();
        for (step, number) in steps.iter().zip(1..) {
            step.note_answers(number, &mut attempts, &mut ends)?;
        }
        for (step, number) in steps.iter_mut().zip(1..) {
            step.prepare(number, &attempts, &ends, sums, &mut widths)?;
        }
        attempts.schedule(steps.len());
        ends.schedule(steps.len());
        if let Some(wrong) = columns.iter().find(|&&column| column >= attempts.len()) {
            return Err(FoldError::new(format!(
                "columns: expected those of attempts, found {wrong} of {}",
                attempts.len()
            )));
        }
        widths.push(columns.len());
        check_formulas(&formulas, &widths)?;
        let mut starts = Vec::with_capacity(widths.len());
        let mut total = 0;
        for width in widths {
            starts.push(total);
            total += width;
        }
        Ok(Self {
            steps,
            formulas,
            columns,
            starts,
            block: Block {
                rows: Vec::with_capacity(MAX_ROWS),
                attempts,
                ends,
                matrix: vec![0.0; total * STRIDE],
                attempt_count: 0,
                end_count: 0,
                hints: Vec::with_capacity(MAX_ROWS),
            },
        })
    }

    /// Values that derive from each attempt.
    pub fn width(&self) -> usize {
        self.formulas.len()
    }

    /// Whether the rows at hand must be folded or read before another comes.
    pub fn is_full(&self) -> bool {
        self.block.rows.len() == MAX_ROWS
    }

    /// Forgets the rows at hand.
    pub fn clear(&mut self) {
        self.block.clear();
    }

    /// Takes an attempt, whose inputs follow by [`Plan::put_attempt`]. Gives its row among attempts.
    ///
    /// Panics beyond [`MAX_ROWS`] rows.
    pub fn push_attempt(&mut self, time_us: Micros, keys: Keys) -> usize {
        let place = self.block.attempt_count;
        self.block.attempt_count += 1;
        self.push(time_us, keys, true, place);
        place
    }

    /// As [`Plan::push_attempt`], of an end.
    pub fn push_end(&mut self, time_us: Micros, keys: Keys) -> usize {
        let place = self.block.end_count;
        self.block.end_count += 1;
        self.push(time_us, keys, false, place);
        place
    }

    fn push(&mut self, time_us: Micros, keys: Keys, is_attempt: bool, place: usize) {
        assert!(!self.is_full(), "at most {MAX_ROWS} rows");
        self.block.rows.push(Row {
            time_us,
            is_attempt,
            place,
            keys,
        });
    }

    /// Writes an input of an attempt.
    pub fn put_attempt(&mut self, column: usize, place: usize, value: f64) {
        self.block.attempts.put(column, place, value);
    }

    /// Writes an input of an end.
    pub fn put_end(&mut self, column: usize, place: usize, value: f64) {
        self.block.ends.put(column, place, value);
    }

    /// Folds the rows at hand in order and appends what derives from each attempt as it was before it.
    ///
    /// Fails at a contribution that is not a number within [`crate::fold::MAX_CONTRIBUTION`]; then the rows are folded
    /// in part. None are at hand afterwards.
    pub fn fold(&mut self, held: &mut Held<'_>, out: &mut Vec<f32>) -> Result<(), FoldError> {
        let Self { steps, block, .. } = self;
        block.work_out(0);
        let mut start = 0;
        for (i, step) in steps.iter_mut().enumerate() {
            let folded = match step {
                Step::Pairs(step) => step.fold(block, held.pairs[step.pairs]),
                Step::Last(step) => step.fold(block, held.lasts[step.last]),
                Step::Sums(step) => {
                    let begin = start;
                    start += step.width();
                    step.fold(block, begin, held.sums[step.sums])
                }
            };
            if folded.is_err() {
                block.clear();
                return folded;
            }
            block.work_out(i + 1);
        }
        self.derive(out);
        Ok(())
    }

    /// As [`Plan::fold`], but every row is an attempt and none changes anything, so that none sees another.
    pub fn read(&mut self, seen: &Seen<'_>, out: &mut Vec<f32>) {
        let Self { steps, block, .. } = self;
        block.work_out(0);
        let mut start = 0;
        for (i, step) in steps.iter_mut().enumerate() {
            match step {
                Step::Pairs(step) => step.read(block, seen.pairs[step.pairs]),
                Step::Last(step) => step.read(block, seen.lasts[step.last]),
                Step::Sums(step) => {
                    step.read(block, start, seen.sums[step.sums]);
                    start += step.width();
                }
            }
            block.work_out(i + 1);
        }
        self.derive(out);
    }

    /// What follows from the rows at hand, of which there are none afterwards.
    fn derive(&mut self, out: &mut Vec<f32>) {
        let Self { block, starts, .. } = self;
        let rows = block.attempt_count;
        let own = starts.last().copied().unwrap_or_default();
        for (at, &column) in (own..).zip(&self.columns) {
            block.matrix[at * STRIDE..at * STRIDE + rows].copy_from_slice(&block.attempts.column(column)[..rows]);
        }
        let columns = Columns {
            values: &block.matrix,
            starts,
            stride: STRIDE,
        };
        derive_columns(&self.formulas, &columns, rows, out);
        block.clear();
    }
}
