//! When a pair was last in contact.

use super::{Counters, FoldError, Last, State};

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
