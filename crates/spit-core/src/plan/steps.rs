//! The steps of a plan: a primitive is asked about every row, and told of it.

use super::program::{Program, STRIDE};
use super::{Block, KeyOf};
use crate::fold::{FoldError, Hint, Last, Pairs, Sums, MAX_CONTRIBUTION};

/// One primitive's turn.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as the types")]
#[allow(clippy::large_enum_variant, reason = "a plan has a dozen of them")]
pub enum Step {
    Pairs(PairsStep),
    Last(LastStep),
    Sums(SumsStep),
}

/// When a pair was last in contact.
#[derive(Debug)]
pub struct PairsStep {
    /// Which of the plan's.
    pub pairs: usize,
    /// The pair.
    pub key: KeyOf,
    /// The pair the other way round, which is only read, before: its key and the column for the answer.
    pub reverse: Option<(KeyOf, usize)>,
    /// Whether an attempt is a contact (a truth) and where its age goes; None: never.
    pub attempts: (Option<usize>, usize),
    /// The same of ends; None where they do not even read.
    pub ends: Option<(Option<usize>, usize)>,
}

/// The previous values of a key, at attempts.
#[derive(Debug)]
pub struct LastStep {
    /// Which of the plan's.
    pub last: usize,
    /// Of what.
    pub key: KeyOf,
    /// Whether the attempt's values are kept, a truth.
    pub update: usize,
    /// The values.
    pub values: Vec<usize>,
    /// Where the age and the previous values go.
    pub answers: Vec<usize>,
}

/// Decayed sums, which attempts and ends add to and attempts read.
#[derive(Debug)]
pub struct SumsStep {
    /// Which of the plan's.
    pub sums: usize,
    /// Of what.
    pub key: KeyOf,
    /// A second key that attempts read these columns of.
    pub other: Option<(KeyOf, Vec<usize>)>,
    /// What attempts add.
    pub attempts: Added,
    /// What ends add.
    pub ends: Added,
    /// A column that is known of every row.
    pub every: Option<Every>,
    width: usize,
    /// One row of the answer.
    out: Vec<f64>,
}

/// What the rows of a kind add.
#[derive(Debug)]
pub struct Added {
    /// Whether the row adds anything, a truth; None: always.
    update: Option<usize>,
    /// The column for each contribution; None adds nothing.
    contributions: Vec<Option<usize>>,
    /// Column of the sums, and column of the row.
    sources: Vec<(usize, usize)>,
    /// One row of addends; 0 where the kind adds nothing.
    addends: Vec<f64>,
}

/// A column of sums that is known of every row: which, and where it goes.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "named above")]
pub struct Every {
    pub column: usize,
    pub attempt: usize,
    pub end: usize,
}

impl Step {
    /// Notes which columns the step, the `number`th, writes: what is made of them is known after it.
    pub(super) fn note_answers(
        &self,
        number: usize,
        attempts: &mut Program,
        ends: &mut Program,
    ) -> Result<(), FoldError> {
        match self {
            Self::Pairs(step) => {
                let reverse = step.reverse.map(|(_, answer)| answer);
                writes(number, attempts, reverse.into_iter().chain([step.attempts.1]))?;
                writes(number, ends, step.ends.map(|(_, answer)| answer))
            }
            Self::Last(step) => writes(number, attempts, step.answers.iter().copied()),
            Self::Sums(step) => {
                writes(number, attempts, step.every.map(|every| every.attempt))?;
                writes(number, ends, step.every.map(|every| every.end))
            }
        }
    }

    /// Checks what the step reads, once all answers are noted, and appends how wide its matrix is.
    pub(super) fn prepare(
        &mut self,
        number: usize,
        attempts: &Program,
        ends: &Program,
        sums: &[&Sums],
        widths: &mut Vec<usize>,
    ) -> Result<(), FoldError> {
        match self {
            Self::Pairs(step) => {
                reads(number, attempts, step.attempts.0)?;
                reads(number, ends, step.ends.and_then(|(update, _)| update))?;
            }
            Self::Last(step) => {
                if step.answers.len() != step.values.len() + 1 {
                    return Err(FoldError::new(format!(
                        "step {number}: expected answers for the age and {} values, found {}",
                        step.values.len(),
                        step.answers.len()
                    )));
                }
                reads(number, attempts, step.values.iter().copied().chain([step.update]))?;
            }
            Self::Sums(step) => {
                let Some(&sums) = sums.get(step.sums) else {
                    return Err(FoldError::new(format!(
                        "step {number}: expected one of {} sums, found {}",
                        sums.len(),
                        step.sums
                    )));
                };
                let seen = step.other.as_ref().map_or(&[][..], |(_, columns)| columns);
                sums.check_columns(seen)?;
                sums.check_columns(step.every.map(|every| every.column).as_slice())?;
                for (added, program) in [(&mut step.attempts, attempts), (&mut step.ends, ends)] {
                    added.prepare(sums)?;
                    let read = added.contributions.iter().flatten().chain(&added.update);
                    reads(number, program, read.copied())?;
                }
                step.width = sums.stride() + seen.len();
                step.out = vec![0.0; step.width];
                widths.push(step.width);
            }
        }
        Ok(())
    }
}

impl PairsStep {
    pub(super) fn fold(&self, block: &mut Block, pairs: &mut Pairs) -> Result<(), FoldError> {
        let Block {
            rows,
            attempts,
            ends,
            hints,
            ..
        } = block;
        hints.clear();
        for row in rows.iter() {
            let reverse = self.reverse.filter(|_| row.is_attempt);
            let reverse = reverse.map_or(Hint::NONE, |(key, _)| pairs.look_up(key(&row.keys)));
            let is_asked = row.is_attempt || self.ends.is_some();
            let own = if is_asked {
                pairs.look_up((self.key)(&row.keys))
            } else {
                Hint::NONE
            };
            hints.push((own, reverse));
        }
        for (row, &(own, reverse)) in rows.iter().zip(&*hints) {
            let (program, update, answer) = match (row.is_attempt, self.ends) {
                (true, _) => (&mut *attempts, self.attempts.0, self.attempts.1),
                (false, Some((update, answer))) => (&mut *ends, update, answer),
                (false, None) => continue,
            };
            if let (true, Some((key, answer))) = (row.is_attempt, self.reverse) {
                program.put(answer, row.place, pairs.read_at(key(&row.keys), reverse, row.time_us));
            }
            let is_contact = update.is_some_and(|update| program.value(update, row.place) == 1.0);
            let age_s = pairs.fold_one((self.key)(&row.keys), own, row.time_us, is_contact);
            program.put(answer, row.place, age_s);
        }
        Ok(())
    }

    pub(super) fn read(&self, block: &mut Block, pairs: &Pairs) {
        let Block { rows, attempts, .. } = block;
        for row in rows.iter() {
            if let Some((key, answer)) = self.reverse {
                attempts.put(answer, row.place, pairs.read_one(key(&row.keys), row.time_us));
            }
            let age_s = pairs.read_one((self.key)(&row.keys), row.time_us);
            attempts.put(self.attempts.1, row.place, age_s);
        }
    }
}

impl LastStep {
    pub(super) fn fold(&self, block: &mut Block, last: &mut Last) -> Result<(), FoldError> {
        let Block {
            rows, attempts, hints, ..
        } = block;
        let mut values = vec![0.0; self.values.len()];
        let mut out = vec![0.0; self.answers.len()];
        hints.clear();
        for row in rows.iter().filter(|row| row.is_attempt) {
            hints.push((last.look_up((self.key)(&row.keys)), Hint::NONE));
        }
        for (row, &(hint, _)) in rows.iter().filter(|row| row.is_attempt).zip(&*hints) {
            for (value, &column) in values.iter_mut().zip(&self.values) {
                *value = attempts.value(column, row.place);
            }
            let update = attempts.value(self.update, row.place) == 1.0;
            last.fold_one((self.key)(&row.keys), hint, row.time_us, &values, update, &mut out);
            for (&answer, &value) in self.answers.iter().zip(&out) {
                attempts.put(answer, row.place, value);
            }
        }
        Ok(())
    }

    pub(super) fn read(&self, block: &mut Block, last: &Last) {
        let mut out = vec![0.0; self.answers.len()];
        for row in &block.rows {
            last.read_one((self.key)(&row.keys), row.time_us, &mut out);
            for (&answer, &value) in self.answers.iter().zip(&out) {
                block.attempts.put(answer, row.place, value);
            }
        }
    }
}

impl SumsStep {
    /// A step without `every`.
    pub fn new(
        sums: usize,
        key: KeyOf,
        other: Option<(KeyOf, Vec<usize>)>,
        attempts: Added,
        ends: Added,
        every: Option<Every>,
    ) -> Self {
        Self {
            sums,
            key,
            other,
            attempts,
            ends,
            every,
            width: 0,
            out: Vec::new(),
        }
    }

    /// Columns that formulas read.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    pub(super) fn fold(&mut self, block: &mut Block, start: usize, sums: &mut Sums) -> Result<(), FoldError> {
        self.attempts.check(&block.attempts, block.attempt_count)?;
        self.ends.check(&block.ends, block.end_count)?;
        let Block {
            rows,
            attempts,
            ends,
            matrix,
            hints,
            ..
        } = block;
        hints.clear();
        for row in rows.iter() {
            hints.push((sums.look_up((self.key)(&row.keys)), Hint::NONE));
        }
        for (row, &(hint, _)) in rows.iter().zip(&*hints) {
            let (added, program) = if row.is_attempt {
                (&mut self.attempts, &mut *attempts)
            } else {
                (&mut self.ends, &mut *ends)
            };
            let (own, of_other) = self.out.split_at_mut(sums.stride());
            if let (true, Some((key, columns))) = (row.is_attempt, &self.other) {
                sums.read_columns(key(&row.keys), row.time_us, columns, of_other);
            }
            let key = (self.key)(&row.keys);
            let mut adds = false;
            if added
                .update
                .is_none_or(|update| program.value(update, row.place) == 1.0)
            {
                for &(column, source) in &added.sources {
                    let value = program.value(source, row.place);
                    added.addends[column] = value;
                    adds |= value != 0.0;
                }
            }
            if adds {
                sums.fold_one(key, hint, row.time_us, &added.addends, own);
            } else if row.is_attempt || self.every.is_some() {
                sums.read_at(key, hint, row.time_us, own);
            }
            if let Some(every) = self.every {
                let answer = if row.is_attempt { every.attempt } else { every.end };
                program.put(answer, row.place, own[every.column]);
            }
            if row.is_attempt {
                let places = matrix[start * STRIDE + row.place..].iter_mut().step_by(STRIDE);
                for (place, &value) in places.zip(&self.out) {
                    *place = value;
                }
            }
        }
        Ok(())
    }

    pub(super) fn read(&mut self, block: &mut Block, start: usize, sums: &Sums) {
        for row in &block.rows {
            let (own, of_other) = self.out.split_at_mut(sums.stride());
            sums.read_one((self.key)(&row.keys), row.time_us, own);
            if let Some((key, columns)) = &self.other {
                sums.read_columns(key(&row.keys), row.time_us, columns, of_other);
            }
            if let Some(every) = self.every {
                block.attempts.put(every.attempt, row.place, own[every.column]);
            }
            let places = block.matrix[start * STRIDE + row.place..].iter_mut().step_by(STRIDE);
            for (place, &value) in places.zip(&self.out) {
                *place = value;
            }
        }
    }
}

impl Added {
    /// `update`: whether a row adds anything, a truth; None: always. `contributions`: the column for each; None adds
    /// nothing.
    pub fn new(update: Option<usize>, contributions: Vec<Option<usize>>) -> Self {
        Self {
            update,
            contributions,
            sources: Vec::new(),
            addends: Vec::new(),
        }
    }

    fn prepare(&mut self, sums: &Sums) -> Result<(), FoldError> {
        if self.contributions.len() != sums.width() {
            return Err(FoldError::new(format!(
                "contributions: expected {}, found {}",
                sums.width(),
                self.contributions.len()
            )));
        }
        let columns = sums.sources().iter().enumerate();
        self.sources = columns
            .filter_map(|(column, &c)| self.contributions[c].map(|source| (column, source)))
            .collect();
        let summed = |c: usize| sums.sources().contains(&c);
        for c in 0..self.contributions.len() {
            if !summed(c) {
                self.contributions[c] = None;
            }
        }
        self.addends = vec![0.0; sums.stride()];
        Ok(())
    }

    /// Fails where a contribution is not a number within [`MAX_CONTRIBUTION`].
    fn check(&self, program: &Program, rows: usize) -> Result<(), FoldError> {
        for (c, &source) in self.contributions.iter().enumerate() {
            let Some(source) = source else { continue };
            let misfits = |value: &f64| value.is_nan() || value.abs() > MAX_CONTRIBUTION;
            let values = &program.column(source)[..rows];
            // Without leaving early: a loop for vector instructions.
            if values.iter().fold(false, |found, value| found | misfits(value)) {
                let found = values.iter().copied().find(|value| misfits(value)).unwrap_or_default();
                return Err(FoldError::new(format!(
                    "contribution {c}: expected a number within {MAX_CONTRIBUTION:e}, found {found}"
                )));
            }
        }
        Ok(())
    }
}

/// Fails where a column is not there, or not known before the step.
fn reads(step: usize, program: &Program, columns: impl IntoIterator<Item = usize>) -> Result<(), FoldError> {
    for column in columns {
        if column >= program.len() || program.known_after(column) >= step {
            return Err(FoldError::new(format!(
                "step {step}: expected columns known before it, found {column}"
            )));
        }
    }
    Ok(())
}

/// Notes which inputs a step writes. Fails where a column is none.
fn writes(step: usize, program: &mut Program, columns: impl IntoIterator<Item = usize>) -> Result<(), FoldError> {
    for column in columns {
        if !program.is_input(column) {
            return Err(FoldError::new(format!(
                "step {step}: expected inputs for its answers, found column {column}"
            )));
        }
        program.written_by(column, step);
    }
    Ok(())
}
