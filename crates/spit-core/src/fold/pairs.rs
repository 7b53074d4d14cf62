//! When a pair was last in contact.

use super::{Counters, FoldError, Hint, Last, State};

/// Seconds since a pair was last in contact, within a window: a [`Last`] without values, 16 bytes a pair.
#[derive(Debug, Clone)]
pub struct Pairs(Last);

impl Pairs {
    /// Fails when `window_s` is not positive.
    pub fn new(window_s: f64, max_pairs: usize) -> Result<Self, FoldError> {
        Last::new(0, window_s, max_pairs).map(Self)
    }

    /// Reads each row, then notes the contact where `update` says so.
    ///
    /// Returns one value a row: the age of the last contact in seconds, NaN when not within the window.
    pub fn fold(&mut self, pairs: &[u64], times_us: &[i64], update: &[bool]) -> Result<Vec<f64>, FoldError> {
        self.0.fold(pairs, times_us, &[], update)
    }

    /// What is known of each pair at its time, without any change.
    pub fn read(&self, pairs: &[u64], times_us: &[i64]) -> Result<Vec<f64>, FoldError> {
        self.0.read(pairs, times_us)
    }

    /// Where a pair is, for [`Pairs::fold_one`] of rows that are folded soon.
    pub fn look_up(&self, pair: u64) -> Hint {
        self.0.look_up(pair)
    }

    /// One row of [`Pairs::fold`].
    pub fn fold_one(&mut self, pair: u64, hint: Hint, time_us: i64, update: bool) -> f64 {
        let mut age_s = [0.0];
        self.0.fold_one(pair, hint, time_us, &[], update, &mut age_s);
        age_s[0]
    }

    /// One row of [`Pairs::read`].
    pub fn read_one(&self, pair: u64, time_us: i64) -> f64 {
        self.read_at(pair, Hint::NONE, time_us)
    }

    /// As [`Pairs::read_one`], after [`Pairs::look_up`].
    pub fn read_at(&self, pair: u64, hint: Hint, time_us: i64) -> f64 {
        let mut age_s = [0.0];
        self.0.read_at(pair, hint, time_us, &mut age_s);
        age_s[0]
    }

    /// Keeps the later contact of each pair.
    pub fn merge(&mut self, other: &Self) -> Result<(), FoldError> {
        self.0.merge(&other.0)
    }

    /// Everything held, in slot order.
    pub fn state(&self) -> State {
        self.0.state()
    }

    /// Continues from `state`. Fails, and changes nothing, when it is damaged or of other parameters.
    pub fn restore(&mut self, state: &State) -> Result<(), FoldError> {
        self.0.restore(state)
    }

    /// How full and what was evicted.
    pub fn counters(&self) -> Counters {
        self.0.counters()
    }
}
