//! The previous values of a key.

use super::slab::{Claim, Hint, Slab, LOOKED_UP_ROWS};
use super::{expect_rows, seconds_between, span_us, Counters, FoldError, State};

/// `width` values per key, as last updated. Values may be NaN: "not known".
///
/// Of two updates the later in time is kept, whichever arrives first.
#[derive(Debug, Clone)]
pub struct Last {
    slab: Slab<f64>,
    width: usize,
    idle_us: i64,
}

impl Last {
    /// Fails when `idle_s` is not positive.
    pub fn new(width: usize, idle_s: f64, max_keys: usize) -> Result<Self, FoldError> {
        let idle_us = span_us("idle_s", idle_s)?;
        Ok(Self {
            slab: Slab::new(width, idle_us, max_keys)?,
            width,
            idle_us,
        })
    }

    /// Values in a row of the answer: the age and the values.
    pub fn stride(&self) -> usize {
        self.width + 1
    }

    /// Values in a row of the input.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Reads each row, then keeps its values where `update` says so.
    ///
    /// Returns [`Last::stride`] values a row: the age in seconds (0 for a reader in the past), then the
    /// previous values; NaN where there are none. Fails, and changes nothing, when the lengths do not fit.
    pub fn fold(
        &mut self,
        keys: &[u64],
        times_us: &[i64],
        values: &[f64],
        update: &[bool],
    ) -> Result<Vec<f64>, FoldError> {
        expect_rows("times_us", keys.len(), times_us.len())?;
        expect_rows("values", keys.len() * self.width, values.len())?;
        expect_rows("update", keys.len(), update.len())?;
        let mut answer = vec![0.0; keys.len() * self.stride()];
        let (width, stride) = (self.width, self.stride());
        let mut hints = Vec::with_capacity(LOOKED_UP_ROWS);
        for start in (0..keys.len()).step_by(LOOKED_UP_ROWS) {
            let end = keys.len().min(start + LOOKED_UP_ROWS);
            hints.clear();
            hints.extend(keys[start..end].iter().map(|&key| self.look_up(key)));
            for (i, &hint) in (start..end).zip(&hints) {
                let out = &mut answer[i * stride..(i + 1) * stride];
                let values = &values[i * width..(i + 1) * width];
                self.fold_one(keys[i], hint, times_us[i], values, update[i], out);
            }
        }
        Ok(answer)
    }

    /// Where a key is, for [`Last::fold_one`] of rows that are folded soon.
    pub fn look_up(&self, key: u64) -> Hint {
        self.slab.look_up(key)
    }

    /// One row of [`Last::fold`], into `out` of [`Last::stride`] values.
    pub fn fold_one(&mut self, key: u64, hint: Hint, time_us: i64, values: &[f64], update: bool, out: &mut [f64]) {
        if key == 0 || !update {
            self.read_at(key, hint, time_us, out);
            return;
        }
        match self.slab.claim(key, hint, time_us) {
            Claim::Known(slot) => {
                self.tell(slot, time_us, out);
                if self.slab.time_us(slot) <= time_us {
                    self.put(slot, time_us, values);
                }
            }
            Claim::Fresh(slot) => {
                out.fill(f64::NAN);
                self.put(slot, time_us, values);
            }
        }
        self.slab.sweep(time_us);
    }

    /// One row of [`Last::read`], into `out`.
    pub fn read_one(&self, key: u64, time_us: i64, out: &mut [f64]) {
        self.read_at(key, Hint::NONE, time_us, out);
    }

    pub(super) fn read_at(&self, key: u64, hint: Hint, time_us: i64, out: &mut [f64]) {
        match (key != 0).then(|| self.slab.live(key, hint, time_us)).flatten() {
            Some(slot) => self.tell(slot, time_us, out),
            None => out.fill(f64::NAN),
        }
    }

    /// What is known of each key at its time, without any change.
    pub fn read(&self, keys: &[u64], times_us: &[i64]) -> Result<Vec<f64>, FoldError> {
        expect_rows("times_us", keys.len(), times_us.len())?;
        let mut answer = vec![0.0; keys.len() * self.stride()];
        let rows = answer.chunks_exact_mut(self.stride());
        for ((&key, &time_us), out) in keys.iter().zip(times_us).zip(rows) {
            self.read_one(key, time_us, out);
        }
        Ok(answer)
    }

    /// Keeps the later of what is held here and what `other` holds.
    pub fn merge(&mut self, other: &Self) -> Result<(), FoldError> {
        if (self.width, self.idle_us) != (other.width, other.idle_us) {
            return Err(FoldError::new(format!(
                "merge: expected {}, found {}",
                self.parameters(),
                other.parameters()
            )));
        }
        for (key, time_us, row) in other.slab.slots() {
            if self.slab.claim_for_merge(key, time_us).is_some() {
                self.keep(key, time_us, row);
            }
        }
        Ok(())
    }

    /// Everything held, in slot order.
    pub fn state(&self) -> State {
        self.slab.state(self.parameters())
    }

    /// Continues from `state`. Fails, and changes nothing, when it is damaged or of other parameters.
    pub fn restore(&mut self, state: &State) -> Result<(), FoldError> {
        super::expect_parameters(&self.parameters(), state)?;
        self.slab = self.slab.restored(state)?;
        Ok(())
    }

    /// How full and what was evicted.
    pub fn counters(&self) -> Counters {
        self.slab.counters()
    }

    fn parameters(&self) -> String {
        format!("last width={} idle_us={}", self.width, self.idle_us)
    }

    fn tell(&self, slot: usize, time_us: i64, out: &mut [f64]) {
        if let [age, values @ ..] = out {
            *age = seconds_between(self.slab.time_us(slot), time_us).max(0.0);
            values.copy_from_slice(self.slab.row(slot));
        }
    }

    fn keep(&mut self, key: u64, time_us: i64, values: &[f64]) {
        match self.slab.claim(key, Hint::NONE, time_us) {
            Claim::Known(slot) if self.slab.time_us(slot) > time_us => {}
            Claim::Known(slot) | Claim::Fresh(slot) => self.put(slot, time_us, values),
        }
    }

    fn put(&mut self, slot: usize, time_us: i64, values: &[f64]) {
        self.slab.set_time_us(slot, time_us);
        self.slab.row_mut(slot).copy_from_slice(values);
    }
}
