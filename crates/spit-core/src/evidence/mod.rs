//! What is known of the callers of attempts, of what attempts share, and of numbers that others abuse: read before
//! each attempt, counted with it, in one pass.
//!
//! Here are the folds alone, over sums that the caller of these functions owns; weights, bounds and thresholds are
//! arguments, and what score is made of the answers is not decided here (spit/model).

#[cfg(test)]
mod tests;
mod victims;

use crate::fold::{FoldError, Hint, Sums, MAX_CONTRIBUTION};
use crate::Micros;

pub use victims::{find_victims, Shown, VictimRules, Watched};

/// Rows whose keys are looked up before the first of them is counted: cache misses overlap.
const BLOCK_ROWS: usize = 64;

/// Contributions of an attempt to the sums of its caller and of its ties: a number, and 1 for itself.
const WIDTH: usize = 2;

/// The sums of callers: both contributions over hours, then both over days.
const CALLER_COLUMNS: usize = 4;

/// Sums of [`WIDTH`] contributions: those of callers under two time constants, those of each tie under one.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in the formula")]
pub struct Held<'a> {
    pub callers: &'a mut Sums,
    pub ties: Vec<&'a mut Sums>,
}

/// The same, to be read.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in the formula")]
pub struct Seen<'a> {
    pub callers: &'a Sums,
    pub ties: Vec<&'a Sums>,
}

/// n attempts: when, and the keys of the caller and of each tie, 0 where there is none.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as in the formula")]
pub struct Attempts<'a> {
    pub times_us: &'a [Micros],
    pub callers: &'a [u64],
    pub ties: Vec<&'a [u64]>,
}

/// What each of n attempts adds.
#[derive(Debug)]
pub struct Added<'a> {
    /// To its caller.
    pub own: &'a [f64],
    /// To its ties.
    pub increments: &'a [f64],
    /// Whether it may count for its ties, if its caller is young.
    pub first_contact: &'a [bool],
    /// Whether it must not count against its caller.
    pub frozen: &'a [bool],
}

/// What decides on the way.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// A caller with a smaller count over days is young.
    pub young_attempts: f64,
    /// The ratio of a tie is its sum over 1 + this times its count.
    pub dependence: f64,
}

/// What was known before each attempt; 0 where nothing was.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Known {
    /// Of the caller: what its attempts added, over hours.
    pub total: Vec<f64>,
    /// How many they were, over hours.
    pub count: Vec<f64>,
    /// How many they were, over days.
    pub experience: Vec<f64>,
    /// The largest ratio of a tie.
    pub strongest: Vec<f64>,
    /// Which tie's, the first of equals.
    pub tie: Vec<i64>,
}

impl Known {
    fn nothing(rows: usize) -> Self {
        Self {
            total: vec![0.0; rows],
            count: vec![0.0; rows],
            experience: vec![0.0; rows],
            strongest: vec![0.0; rows],
            tie: vec![0; rows],
        }
    }

    fn put_caller(&mut self, row: usize, sums: &[f64; CALLER_COLUMNS]) {
        let &[total, count, _, experience] = sums;
        (self.total[row], self.count[row], self.experience[row]) = (total, count, experience);
    }

    fn put_tie(&mut self, row: usize, tie: usize, sums: &[f64; WIDTH], rules: Rules) {
        let ratio = sums[0] / (1.0 + rules.dependence * sums[1]);
        if tie == 0 || ratio > self.strongest[row] {
            (self.strongest[row], self.tie[row]) = (ratio, tie as i64);
        }
    }
}

/// Reads what is known before each attempt and counts it, as if they came one after another.
///
/// A caller's sums take every attempt that is not frozen; those of ties the first contacts of young callers.
/// Fails, and changes nothing, where lengths or widths do not fit, or a number is none within [`MAX_CONTRIBUTION`].
pub fn update(
    held: &mut Held<'_>,
    attempts: &Attempts<'_>,
    added: &Added<'_>,
    rules: Rules,
) -> Result<Known, FoldError> {
    let rows = attempts.check(held.callers, held.ties.iter().map(|sums| &**sums))?;
    check_numbers("own", rows, added.own)?;
    check_numbers("increments", rows, added.increments)?;
    check_rows("first_contact", rows, added.first_contact.len())?;
    check_rows("frozen", rows, added.frozen.len())?;
    let mut known = Known::nothing(rows);
    let mut hints = Vec::with_capacity(BLOCK_ROWS);
    for block in blocks(rows) {
        look_up(&mut hints, &attempts.callers[block.clone()], |key| {
            held.callers.look_up(key)
        });
        for (row, &hint) in block.clone().zip(&hints) {
            let (key, time_us, own) = (attempts.callers[row], attempts.times_us[row], added.own[row]);
            if key == 0 {
                continue;
            }
            let mut sums = [0.0; CALLER_COLUMNS];
            if added.frozen[row] {
                held.callers.read_at(key, hint, time_us, &mut sums);
            } else {
                held.callers
                    .fold_one(key, hint, time_us, &[own, 1.0, own, 1.0], &mut sums);
            }
            known.put_caller(row, &sums);
        }
        for (tie, (sums, keys)) in held.ties.iter_mut().zip(&attempts.ties).enumerate() {
            look_up(&mut hints, &keys[block.clone()], |key| sums.look_up(key));
            for (row, &hint) in block.clone().zip(&hints) {
                let (key, time_us) = (keys[row], attempts.times_us[row]);
                let mut of_tie = [0.0; WIDTH];
                if key != 0 {
                    if added.first_contact[row] && known.experience[row] < rules.young_attempts {
                        sums.fold_one(key, hint, time_us, &[added.increments[row], 1.0], &mut of_tie);
                    } else {
                        sums.read_at(key, hint, time_us, &mut of_tie);
                    }
                }
                known.put_tie(row, tie, &of_tie, rules);
            }
        }
    }
    Ok(known)
}

/// As [`update`], and counts nothing.
pub fn read(seen: &Seen<'_>, attempts: &Attempts<'_>, rules: Rules) -> Result<Known, FoldError> {
    let rows = attempts.check(seen.callers, seen.ties.iter().copied())?;
    let mut known = Known::nothing(rows);
    for row in 0..rows {
        let time_us = attempts.times_us[row];
        let mut sums = [0.0; CALLER_COLUMNS];
        if attempts.callers[row] != 0 {
            seen.callers.read_one(attempts.callers[row], time_us, &mut sums);
        }
        known.put_caller(row, &sums);
        for (tie, (sums, keys)) in seen.ties.iter().zip(&attempts.ties).enumerate() {
            let mut of_tie = [0.0; WIDTH];
            if keys[row] != 0 {
                sums.read_one(keys[row], time_us, &mut of_tie);
            }
            known.put_tie(row, tie, &of_tie, rules);
        }
    }
    Ok(known)
}

impl Attempts<'_> {
    /// How many there are. Fails where they do not fit each other or the sums.
    fn check<'a>(&self, callers: &Sums, ties: impl ExactSizeIterator<Item = &'a Sums>) -> Result<usize, FoldError> {
        let rows = self.times_us.len();
        check_rows("callers", rows, self.callers.len())?;
        check_rows("ties", ties.len(), self.ties.len())?;
        for keys in &self.ties {
            check_rows("keys of a tie", rows, keys.len())?;
        }
        check_sums("callers", callers, CALLER_COLUMNS)?;
        for sums in ties {
            check_sums("a tie", sums, WIDTH)?;
        }
        Ok(rows)
    }
}

fn blocks(rows: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    (0..rows)
        .step_by(BLOCK_ROWS)
        .map(move |start| start..rows.min(start + BLOCK_ROWS))
}

fn look_up(hints: &mut Vec<Hint>, keys: &[u64], find: impl Fn(u64) -> Hint) {
    hints.clear();
    hints.extend(keys.iter().map(|&key| find(key)));
}

fn check_rows(name: &str, expected: usize, found: usize) -> Result<(), FoldError> {
    if expected == found {
        return Ok(());
    }
    Err(FoldError::new(format!("{name}: expected {expected}, found {found}")))
}

fn check_sums(name: &str, sums: &Sums, columns: usize) -> Result<(), FoldError> {
    if (sums.width(), sums.stride()) == (WIDTH, columns) {
        return Ok(());
    }
    Err(FoldError::new(format!(
        "sums of {name}: expected {WIDTH} contributions in {columns} columns, found {} in {}",
        sums.width(),
        sums.stride()
    )))
}

fn check_numbers(name: &str, rows: usize, numbers: &[f64]) -> Result<(), FoldError> {
    check_rows(name, rows, numbers.len())?;
    let misfits = |number: &&f64| number.is_nan() || number.abs() > MAX_CONTRIBUTION;
    match numbers.iter().find(misfits) {
        None => Ok(()),
        Some(wrong) => Err(FoldError::new(format!(
            "{name}: expected numbers within {MAX_CONTRIBUTION:e}, found {wrong}"
        ))),
    }
}
