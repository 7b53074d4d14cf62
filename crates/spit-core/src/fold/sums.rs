//! Exponentially decayed sums per key.

use std::ops::Range;

use super::slab::{Claim, Hint, Slab, LOOKED_UP_ROWS};
use super::{expect_rows, seconds_between, span_us, Counters, FoldError, State};

/// The largest contribution taken: sums of these cannot reach infinity, which would turn into NaN for good.
pub const MAX_CONTRIBUTION: f64 = 1e30;

/// Contributions, each summed under one or several time constants.
///
/// A sum under the time constant T decays as exp(-dt / T): a steady rate r settles at r * T. Contributions
/// that arrive late are decayed to the time of the state, so order does not matter to what is summed.
///
/// Sums are held as f32, rounded at random in proportion to the remainder: what a busy key gains or loses at
/// one row is less than an f32 can show, and rounding to the nearest would drop it every time.
#[derive(Debug, Clone)]
pub struct Sums {
    slab: Slab<f32>,
    width: usize,
    /// Columns of a row of the state, by rising time constant.
    columns: Vec<Columns>,
    /// Contributions that any column sums.
    used: Vec<usize>,
    /// Which contribution each column sums.
    sources: Vec<usize>,
    stride: usize,
    full: bool,
    idle_us: i64,
}

/// The columns under one time constant, which lie side by side.
#[derive(Debug, Clone, PartialEq)]
struct Columns {
    time_constant_s: f64,
    start: usize,
    /// Which contribution each sums.
    contributions: Vec<usize>,
}

impl Columns {
    fn span(&self) -> Range<usize> {
        self.start..self.start + self.contributions.len()
    }
}

impl Sums {
    /// Every contribution under every time constant: column `w * width + c` is contribution c under w.
    ///
    /// Fails when `width` is 0, no time constant is given, or a time is not positive.
    pub fn new(width: usize, time_constants_s: &[f64], idle_s: f64, max_keys: usize) -> Result<Self, FoldError> {
        let all: Vec<_> = time_constants_s.iter().map(|_| (0..width).collect()).collect();
        let mut sums = Self::chosen(width, time_constants_s, &all, idle_s, max_keys)?;
        sums.full = true;
        Ok(sums)
    }

    /// `chosen[w]`: the contributions summed under time constant w, in the order of the columns.
    ///
    /// Fails as [`Sums::new`] does, and when there is not a list of contributions within `width` for each.
    pub fn chosen(
        width: usize,
        time_constants_s: &[f64],
        chosen: &[Vec<usize>],
        idle_s: f64,
        max_keys: usize,
    ) -> Result<Self, FoldError> {
        if width == 0 || time_constants_s.is_empty() {
            return Err(FoldError::new(format!(
                "sums: expected at least one contribution and one time constant, found {width} and {}",
                time_constants_s.len()
            )));
        }
        expect_rows("chosen", time_constants_s.len(), chosen.len())?;
        let mut stride = 0;
        let mut columns = Vec::with_capacity(chosen.len());
        for (&time_constant_s, contributions) in time_constants_s.iter().zip(chosen) {
            span_us("time constant", time_constant_s)?;
            if let Some(wrong) = contributions.iter().find(|&&c| c >= width) {
                return Err(FoldError::new(format!(
                    "chosen: expected contributions 0 to {}, found {wrong}",
                    width - 1
                )));
            }
            columns.push(Columns {
                time_constant_s,
                start: stride,
                contributions: contributions.clone(),
            });
            stride += contributions.len();
        }
        let idle_us = span_us("idle_s", idle_s)?;
        let is_used = |c: &usize| chosen.iter().any(|contributions| contributions.contains(c));
        Ok(Self {
            slab: Slab::new(stride, idle_us, max_keys)?,
            width,
            columns,
            used: (0..width).filter(is_used).collect(),
            sources: chosen.concat(),
            stride,
            full: false,
            idle_us,
        })
    }

    /// Values in a row of the answer.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Which contribution each column of the answer sums.
    pub fn sources(&self) -> &[usize] {
        &self.sources
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
        self.check(keys, times_us, contributions)?;
        let mut answer = vec![0.0; keys.len() * self.stride];
        let mut addends = vec![0.0; self.stride];
        let answers = answer.chunks_exact_mut(self.stride.max(1));
        let mut rows = contributions.chunks_exact(self.width).zip(answers);
        let mut hints = Vec::with_capacity(LOOKED_UP_ROWS);
        for (keys, times_us) in keys.chunks(LOOKED_UP_ROWS).zip(times_us.chunks(LOOKED_UP_ROWS)) {
            hints.clear();
            hints.extend(keys.iter().map(|&key| self.look_up(key)));
            for ((&key, &hint), &time_us) in keys.iter().zip(&hints).zip(times_us) {
                let Some((added, out)) = rows.next() else { break };
                for (addend, &c) in addends.iter_mut().zip(&self.sources) {
                    *addend = added[c];
                }
                if addends.iter().any(|&addend| addend != 0.0) {
                    self.fold_one(key, hint, time_us, &addends, out);
                } else {
                    self.read_at(key, hint, time_us, out);
                }
            }
        }
        Ok(answer)
    }

    /// What is known of each key at its time, without any change.
    pub fn read(&self, keys: &[u64], times_us: &[i64]) -> Result<Vec<f64>, FoldError> {
        expect_rows("times_us", keys.len(), times_us.len())?;
        let mut answer = vec![0.0; keys.len() * self.stride];
        for (i, (&key, &time_us)) in keys.iter().zip(times_us).enumerate() {
            self.read_one(key, time_us, &mut answer[i * self.stride..(i + 1) * self.stride]);
        }
        Ok(answer)
    }

    /// Adds everything `other` holds: as if its rows had been folded here.
    pub fn merge(&mut self, other: &Self) -> Result<(), FoldError> {
        if (self.width, &self.columns, self.idle_us) != (other.width, &other.columns, other.idle_us) {
            return Err(FoldError::new(format!(
                "merge: expected {}, found {}",
                self.parameters(),
                other.parameters()
            )));
        }
        let Self { slab, columns, .. } = self;
        for (key, time_us, theirs) in other.slab.slots() {
            let Some(slot) = slab.claim_for_merge(key, time_us) else {
                continue;
            };
            let dt_s = seconds_between(slab.time_us(slot), time_us);
            if dt_s > 0.0 {
                slab.set_time_us(slot, time_us);
            }
            let noise = noise(key, time_us);
            let row = slab.row_mut(slot);
            for group in columns.iter() {
                let (kept, late) = decays(dt_s, group.time_constant_s);
                let span = group.span();
                for (sum, &added) in row[span.clone()].iter_mut().zip(&theirs[span]) {
                    *sum = rounded(f64::from(*sum) * kept + f64::from(added) * late, noise);
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
        if let Some(at) = state.values.iter().position(|&value| !(value as f32).is_finite()) {
            return Err(FoldError::new(format!(
                "state, row {}: expected finite sums, found {}",
                at / self.stride.max(1),
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
        let times: Vec<_> = self.columns.iter().map(|group| group.time_constant_s).collect();
        let mut words = format!("sums width={} time_constants_s={times:?}", self.width);
        if !self.full {
            let chosen: Vec<_> = self.columns.iter().map(|group| &group.contributions).collect();
            words += &format!(" chosen={chosen:?}");
        }
        words + &format!(" idle_us={}", self.idle_us)
    }

    fn check(&self, keys: &[u64], times_us: &[i64], contributions: &[f64]) -> Result<(), FoldError> {
        expect_rows("times_us", keys.len(), times_us.len())?;
        expect_rows("contributions", keys.len() * self.width, contributions.len())?;
        for (row, added) in contributions.chunks_exact(self.width).enumerate() {
            // What no column sums need not be looked at.
            let misfits = |&&c: &&usize| added[c].is_nan() || added[c].abs() > MAX_CONTRIBUTION;
            if let Some(&c) = self.used.iter().find(misfits) {
                return Err(FoldError::new(format!(
                    "contributions, row {row}, column {c}: expected a number within {MAX_CONTRIBUTION:e}, found {}",
                    added[c]
                )));
            }
        }
        Ok(())
    }

    /// Where a key is, for what is done with it soon.
    pub fn look_up(&self, key: u64) -> Hint {
        self.slab.look_up(key)
    }

    /// One row of [`Sums::fold`]: reads into `out`, then adds `addends`, one for each column, not all of them 0.
    ///
    /// Both have [`Sums::stride`] values. Addends must be numbers within [`MAX_CONTRIBUTION`].
    pub fn fold_one(&mut self, key: u64, hint: Hint, time_us: i64, addends: &[f64], out: &mut [f64]) {
        if key == 0 {
            out.fill(f64::NAN);
        } else {
            self.update_row(key, hint, time_us, addends, out);
            self.slab.sweep(time_us);
        }
    }

    /// One row of [`Sums::read`], into `out`.
    pub fn read_one(&self, key: u64, time_us: i64, out: &mut [f64]) {
        self.read_at(key, Hint::NONE, time_us, out);
    }

    /// As [`Sums::read_one`], after [`Sums::look_up`].
    pub fn read_at(&self, key: u64, hint: Hint, time_us: i64, out: &mut [f64]) {
        let Some(slot) = self.live_or_fill(key, hint, time_us, out) else {
            return;
        };
        let dt_s = seconds_between(self.slab.time_us(slot), time_us);
        let row = self.slab.row(slot);
        for group in &self.columns {
            // A reader in the past of the state gets the state as it is: it cannot be un-decayed.
            let (kept, _) = decays(dt_s, group.time_constant_s);
            let span = group.span();
            for (value, &sum) in out[span.clone()].iter_mut().zip(&row[span]) {
                *value = f64::from(sum) * kept;
            }
        }
    }

    /// As [`Sums::read_one`], of these columns only, which must rise: [`Sums::check_columns`] tells.
    pub fn read_columns(&self, key: u64, time_us: i64, columns: &[usize], out: &mut [f64]) {
        let Some(slot) = self.live_or_fill(key, Hint::NONE, time_us, out) else {
            return;
        };
        let dt_s = seconds_between(self.slab.time_us(slot), time_us);
        let row = self.slab.row(slot);
        let mut places = columns.iter().zip(out).peekable();
        for group in &self.columns {
            // Columns in rising order share the decay of their time constant.
            let end = group.start + group.contributions.len();
            let mut kept = None;
            while let Some((&column, value)) = places.next_if(|&(&column, _)| column < end) {
                let kept = *kept.get_or_insert_with(|| decays(dt_s, group.time_constant_s).0);
                *value = f64::from(row[column]) * kept;
            }
        }
    }

    /// Fails where columns are not there, or do not rise.
    pub fn check_columns(&self, columns: &[usize]) -> Result<(), FoldError> {
        let rising = columns.windows(2).all(|pair| pair[0] < pair[1]);
        if rising && columns.last().is_none_or(|&last| last < self.stride) {
            return Ok(());
        }
        Err(FoldError::new(format!(
            "columns: expected rising ones below {}, found {columns:?}",
            self.stride
        )))
    }

    /// The slot of a key that something is known of; else `out` says so: NaN without a key, 0 of an unknown one.
    fn live_or_fill(&self, key: u64, hint: Hint, time_us: i64, out: &mut [f64]) -> Option<usize> {
        if key == 0 {
            out.fill(f64::NAN);
            return None;
        }
        let slot = self.slab.live(key, hint, time_us);
        if slot.is_none() {
            out.fill(0.0);
        }
        slot
    }

    /// Answers before it rounds: what a row is told is what a reader at its place would have been told.
    fn update_row(&mut self, key: u64, hint: Hint, time_us: i64, addends: &[f64], out: &mut [f64]) {
        let Self { slab, columns, .. } = self;
        let slot = match slab.claim(key, hint, time_us) {
            Claim::Known(slot) | Claim::Fresh(slot) => slot,
        };
        let dt_s = seconds_between(slab.time_us(slot), time_us);
        if dt_s > 0.0 {
            slab.set_time_us(slot, time_us);
        }
        let noise = noise(key, time_us);
        let row = slab.row_mut(slot);
        for group in columns.iter() {
            let (kept, late) = decays(dt_s, group.time_constant_s);
            let span = group.span();
            let places = out[span.clone()].iter_mut().zip(&mut row[span.clone()]);
            for ((value, sum), addend) in places.zip(&addends[span]) {
                *value = f64::from(*sum) * kept;
                *sum = rounded(*value + addend * late, noise);
            }
        }
    }
}

/// What is left of the state after `dt_s`, and of a contribution that comes `-dt_s` late.
fn decays(dt_s: f64, time_constant_s: f64) -> (f64, f64) {
    if dt_s == 0.0 {
        (1.0, 1.0)
    } else if dt_s > 0.0 {
        ((-dt_s / time_constant_s).exp(), 1.0)
    } else {
        (1.0, (dt_s / time_constant_s).exp())
    }
}

/// Bits of an f64's fraction that an f32 has no room for.
const DROPPED_BITS: u64 = (1 << 29) - 1;

/// Bits as good as random, from the row alone: folding the same rows again gives the same state.
fn noise(key: u64, time_us: i64) -> u64 {
    // The finaliser of SplitMix64.
    let mut z = key ^ (time_us as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) & DROPPED_BITS
}

/// Less than this is nothing; numbers near the smallest f32 are slow to compute with.
const NOTHING: f64 = 1e-30;

/// `value` as f32, up or down in proportion to what is dropped: the mean error is 0.
fn rounded(value: f64, noise: u64) -> f32 {
    let limit = f64::from(f32::MAX);
    let known = if value.abs() < NOTHING {
        0.0
    } else {
        value.clamp(-limit, limit)
    };
    // The sign stands apart from the fraction, so noise moves away from 0 or not, for both signs alike. What an
    // f32 can show, 0 among it, has none of the dropped bits, and noise alone does not reach the kept ones.
    f64::from_bits((known.to_bits() + noise) & !DROPPED_BITS) as f32
}
