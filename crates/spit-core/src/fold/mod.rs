//! Keyed folds: the three primitives that hold all state behind the features.
//!
//! * [`Sums`]: exponentially decayed sums per key, at several time constants.
//! * [`Last`]: the previous values of a key and their age.
//! * [`Pairs`]: how long ago a pair was last in contact.
//!
//! What all three promise:
//!
//! * A row reads **before** it updates, and rows are folded one after another, so the answers depend on the
//!   sequence of rows alone and never on how it is cut into batches.
//! * Key 0 means "no key": the answer is NaN and nothing is kept.
//! * State whose time is more than `idle_s` away from the row's time is treated as absent. Going back is
//!   covered too: after a wrong clock is set right, keys must not stay frozen in the future.
//! * Memory is bounded by `max_keys`. Idle state is freed by a cursor that advances two slots an update; at
//!   the limit the oldest of [`FULL_SCAN_SLOTS`] slots gives way. Both are counted.
//! * No timestamp can overflow: differences saturate.
//!
//! Beside them stands [`Names`]: strings in numbered slots, for columns of state that lie elsewhere.
//!
//! Time is in microseconds since the epoch and is always an argument.

mod formula;
mod key;
mod last;
mod names;
mod pairs;
mod slab;
mod sums;
#[cfg(test)]
mod tests;

use std::fmt;

pub use formula::{check as check_formulas, derive_columns, derive_row, Columns, Formula, Place, LANES};
pub use key::{hash_key, hash_pair, hash_parts, join_keys};
pub use last::Last;
pub use names::Names;
pub use pairs::Pairs;
pub use slab::{Hint, FULL_SCAN_SLOTS};
pub use sums::{Sums, MAX_CONTRIBUTION};

/// What was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldError(String);

impl FoldError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for FoldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FoldError {}

/// How full a primitive is and what it let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// Keys held now.
    pub keys: u64,
    /// Keys let go because they were idle.
    pub evicted_idle: u64,
    /// Keys let go before they were idle, to make room.
    pub evicted_full: u64,
}

/// Everything a primitive holds, as plain fixed-size rows in slot order.
///
/// Restoring it continues bit-exactly: slot order and cursor decide what is evicted next.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Kind and parameters in words; a primitive made with others refuses the state. The limit of keys is not
    /// among them: an operator may raise it and keep the state.
    pub parameters: String,
    /// Key of each slot; never 0, each once.
    pub keys: Vec<u64>,
    /// Time of the last update of each slot, epoch µs.
    pub times_us: Vec<i64>,
    /// Values of the slots one after another, the same number for each.
    pub values: Vec<f64>,
    /// The slot the next sweep looks at.
    pub cursor: u64,
    /// As in [`Counters`].
    pub evicted_idle: u64,
    /// As in [`Counters`].
    pub evicted_full: u64,
}

/// Seconds as whole microseconds; refuses what is not a positive span of time.
fn span_us(name: &str, seconds: f64) -> Result<i64, FoldError> {
    let micros = seconds * 1e6;
    if micros >= 1.0 && micros < i64::MAX as f64 {
        Ok(micros.round() as i64)
    } else {
        Err(FoldError::new(format!(
            "{name}: expected a positive number of seconds, found {seconds}"
        )))
    }
}

/// Seconds from `earlier` to `later`, negative when they are the other way round.
fn seconds_between(earlier_us: i64, later_us: i64) -> f64 {
    later_us.saturating_sub(earlier_us) as f64 / 1e6
}

fn expect_rows(name: &str, expected: usize, found: usize) -> Result<(), FoldError> {
    if expected == found {
        Ok(())
    } else {
        Err(FoldError::new(format!(
            "{name}: expected {expected} values, one row for each key, found {found}"
        )))
    }
}

fn expect_parameters(expected: &str, state: &State) -> Result<(), FoldError> {
    if expected == state.parameters {
        Ok(())
    } else {
        Err(FoldError::new(format!(
            "state: expected {expected}, found {}",
            state.parameters
        )))
    }
}
