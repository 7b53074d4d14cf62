//! Exponentially decayed sums per key.

use super::slab::{Claim, Slab};
use super::{expect_rows, seconds_between, span_us, Counters, FoldError, State};

/// The largest contribution taken: sums of these cannot reach infinity, which would turn into NaN for good.
pub const MAX_CONTRIBUTION: f64 = 1e100;

/// `width` contributions, each summed under several time constants.
///
/// A sum under the time constant T decays as exp(-dt / T): a steady rate r settles at r * T. Contributions
/// that arrive late are decayed to the time of the state, so order does not matter to what is summed.
/// A row of the state is `row[w * width + c]`: contribution c under time constant w.
#[derive(Debug, Clone)]
pub struct Sums {
    slab: Slab,
    width: usize,
    time_constants_s: Vec<f64>,
    idle_us: i64,
}

impl Sums {
    /// Fails when `width` is 0, no time constant is given, or a time is not positive.
    pub fn new(width: usize, time_constants_s: &[f64], idle_s: f64, max_keys: usize) -> Result<Self, FoldError> {
        if width == 0 || time_constants_s.is_empty() {
            return Err(FoldError::new(format!(
                "sums: expected at least one contribution and one time constant, found {width} and {}",
                time_constants_s.len()
            )));
        }
        for &time_constant_s in time_constants_s {
            span_us("time constant", time_constant_s)?;
        }
        let idle_us = span_us("idle_s", idle_s)?;
        Ok(Self {
            slab: Slab::new(width * time_constants_s.len(), idle_us, max_keys)?,
            width,
            time_constants_s: time_constants_s.to_vec(),
            idle_us,
        })
    }

    /// Values in a row of the answer: contributions times time constants.
    pub fn stride(&self) -> usize {
        self.width * self.time_constants_s.len()
    }

    /// Contributions in a row of the input.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Reads each row, then adds its contributions. Returns `stride` values a row; 0 for an unknown key.
    ///
    /// A row whose contributions are all 0 only reads. Fails, and changes nothing, when the lengths do not
    /// fit or a contribution is not a number within [`MAX_CONTRIBUTION`].
    pub fn fold(&mut self, keys: &[u64], times_us: &[i64], contributions: &[f64]) -> Result<Vec<f64>, FoldError> {
        expect_rows("times_us", keys.len(), times_us.len())?;
        expect_rows("contributions", keys.len() * self.width, contributions.len())?;
        if let Some(at) = contributions
            .iter()
            .position(|c| c.is_nan() || c.abs() > MAX_CONTRIBUTION)
        {
            return Err(FoldError::new(format!(
                "contributions, row {}, column {}: expected a number within {MAX_CONTRIBUTION:e}, found {}",
                at / self.width,
                at % self.width,
                contributions[at]
            )));
        }
        let mut answer = vec![0.0; keys.len() * self.stride()];
        let rows = answer
            .chunks_exact_mut(self.stride())
            .zip(contributions.chunks_exact(self.width));
        for ((&key, &time_us), (out, added)) in keys.iter().zip(times_us).zip(rows) {
            if key == 0 {
                out.fill(f64::NAN);
            } else if added.iter().all(|&c| c == 0.0) {
                self.read_row(key, time_us, out);
            } else {
                self.update_row(key, time_us, added, out);
                self.slab.sweep(time_us);
            }
        }
        Ok(answer)
    }

    /// What is known of each key at its time, without any change.
    pub fn read(&self, keys: &[u64], times_us: &[i64]) -> Result<Vec<f64>, FoldError> {
        expect_rows("times_us", keys.len(), times_us.len())?;
        let mut answer = vec![0.0; keys.len() * self.stride()];
        let rows = answer.chunks_exact_mut(self.stride());
        for ((&key, &time_us), out) in keys.iter().zip(times_us).zip(rows) {
            if key == 0 {
                out.fill(f64::NAN);
            } else {
                self.read_row(key, time_us, out);
            }
        }
        Ok(answer)
    }

    /// Adds everything `other` holds: as if its rows had been folded here.
    pub fn merge(&mut self, other: &Self) -> Result<(), FoldError> {
        if (self.width, &self.time_constants_s, self.idle_us) != (other.width, &other.time_constants_s, other.idle_us) {
            return Err(FoldError::new(format!(
                "merge: expected {}, found {}",
                self.parameters(),
                other.parameters()
            )));
        }
        for (key, time_us, row) in other.slab.slots() {
            let Some(slot) = self.slab.claim_for_merge(key, time_us) else {
                continue;
            };
            let dt_s = self.advance(slot, time_us);
            for (w, &time_constant_s) in self.time_constants_s.iter().enumerate() {
                let factor = decay(-dt_s.min(0.0), time_constant_s);
                let span = w * self.width..(w + 1) * self.width;
                for (sum, added) in self.slab.row_mut(slot)[span.clone()].iter_mut().zip(&row[span]) {
                    *sum += added * factor;
                }
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
        if let Some(at) = state.values.iter().position(|value| !value.is_finite()) {
            return Err(FoldError::new(format!(
                "state, row {}: expected finite sums, found {}",
                at / self.stride(),
                state.values[at]
            )));
        }
        self.slab = self.slab.restored(state)?;
        Ok(())
    }

    /// How full and what was evicted.
    pub fn counters(&self) -> Counters {
        self.slab.counters()
    }

    fn parameters(&self) -> String {
        format!(
            "sums width={} time_constants_s={:?} idle_us={}",
            self.width, self.time_constants_s, self.idle_us
        )
    }

    fn read_row(&self, key: u64, time_us: i64, out: &mut [f64]) {
        let Some(slot) = self.slab.live(key, time_us) else {
            return;
        };
        // A reader in the past of the state gets the state as it is: it cannot be un-decayed.
        let dt_s = seconds_between(self.slab.time_us(slot), time_us).max(0.0);
        let row = self.slab.row(slot);
        for (w, &time_constant_s) in self.time_constants_s.iter().enumerate() {
            let factor = decay(dt_s, time_constant_s);
            let span = w * self.width..(w + 1) * self.width;
            for (value, sum) in out[span.clone()].iter_mut().zip(&row[span]) {
                *value = sum * factor;
            }
        }
    }

    fn update_row(&mut self, key: u64, time_us: i64, added: &[f64], out: &mut [f64]) {
        let slot = match self.slab.claim(key, time_us) {
            Claim::Known(slot) | Claim::Fresh(slot) => slot,
        };
        let dt_s = self.advance(slot, time_us);
        let row = self.slab.row_mut(slot);
        out.copy_from_slice(row);
        for (sums, &time_constant_s) in row.chunks_exact_mut(self.width).zip(&self.time_constants_s) {
            let factor = decay(-dt_s.min(0.0), time_constant_s);
            for (sum, c) in sums.iter_mut().zip(added) {
                *sum += c * factor;
            }
        }
    }

    /// Decays a slot to `time_us` unless it is later already. Returns the seconds from the slot's time to
    /// `time_us`: negative when the slot is later.
    fn advance(&mut self, slot: usize, time_us: i64) -> f64 {
        let dt_s = seconds_between(self.slab.time_us(slot), time_us);
        if dt_s > 0.0 {
            self.slab.set_time_us(slot, time_us);
            let row = self.slab.row_mut(slot);
            for (sums, &time_constant_s) in row.chunks_exact_mut(self.width).zip(&self.time_constants_s) {
                let factor = decay(dt_s, time_constant_s);
                for sum in sums {
                    *sum *= factor;
                }
            }
        }
        dt_s
    }
}

fn decay(dt_s: f64, time_constant_s: f64) -> f64 {
    if dt_s == 0.0 {
        1.0
    } else {
        (-dt_s / time_constant_s).exp()
    }
}
