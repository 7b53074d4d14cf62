//! The store under the primitives: keys, times and rows of values in slots, with an index and an eviction
//! cursor.
//!
//! Slots are dense: the last slot moves into one that is freed. There is no list of free slots to save, and
//! nothing in the state but live keys. Values lie in pages, so growth never copies or doubles them.

use std::hash::BuildHasher;
use std::hint::black_box;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Counters, FoldError, State};

/// Slots a full slab looks at to find the oldest, which gives way.
pub const FULL_SCAN_SLOTS: usize = 8;

/// Slots the cursor looks at after each update.
const SWEEP_SLOTS: usize = 2;

const PAGE_SLOTS: usize = 256;

/// Rows whose keys are looked up before the first of them is folded.
pub(super) const LOOKED_UP_ROWS: usize = 64;

/// Bytes that the processor fetches at once.
const CACHE_LINE: usize = 64;

/// What a row holds: `f64`, or `f32` where half the memory is worth more than the digits. The state is f64
/// either way, which every `f32` converts to and back without loss.
pub(super) trait Value: Copy + Default + Into<f64> {
    fn from_state(value: f64) -> Self;
}

impl Value for f64 {
    fn from_state(value: f64) -> Self {
        value
    }
}

impl Value for f32 {
    fn from_state(value: f64) -> Self {
        value as Self
    }
}

#[derive(Debug, Clone, Copy)]
struct Head {
    key: u64,
    time_us: i64,
}

/// Where a key was when it was looked up; a later look begins there.
#[derive(Debug, Clone, Copy)]
pub struct Hint(u32);

impl Hint {
    /// Nothing is known.
    pub const NONE: Self = Self(u32::MAX);
}

/// Keyed rows of `stride` values.
#[derive(Debug, Clone)]
pub(super) struct Slab<V> {
    /// Slot of each key. The hasher is seeded at random: nothing depends on the order of the index.
    index: HashTable<u32>,
    hasher: DefaultHashBuilder,
    /// Of each slot, side by side: who looks for a key wants its time next.
    heads: Vec<Head>,
    pages: Vec<Box<[V]>>,
    stride: usize,
    idle_us: i64,
    max_keys: usize,
    cursor: usize,
    evicted_idle: u64,
    evicted_full: u64,
}

/// What [`Slab::claim`] found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Claim {
    /// The slot holds the key's state.
    Known(usize),
    /// The slot was taken for the key: values 0, time set.
    Fresh(usize),
}

impl<V: Value> Slab<V> {
    pub(super) fn new(stride: usize, idle_us: i64, max_keys: usize) -> Result<Self, FoldError> {
        if max_keys == 0 || max_keys >= u32::MAX as usize {
            return Err(FoldError::new(format!(
                "the limit of keys: expected 1 to {}, found {max_keys}",
                u32::MAX - 1
            )));
        }
        Ok(Self {
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            heads: Vec::new(),
            pages: Vec::new(),
            stride,
            idle_us,
            max_keys,
            cursor: 0,
            evicted_idle: 0,
            evicted_full: 0,
        })
    }

    pub(super) fn counters(&self) -> Counters {
        Counters {
            keys: self.heads.len() as u64,
            evicted_idle: self.evicted_idle,
            evicted_full: self.evicted_full,
        }
    }

    pub(super) fn time_us(&self, slot: usize) -> i64 {
        self.heads[slot].time_us
    }

    pub(super) fn set_time_us(&mut self, slot: usize, time_us: i64) {
        self.heads[slot].time_us = time_us;
    }

    pub(super) fn row(&self, slot: usize) -> &[V] {
        let start = slot % PAGE_SLOTS * self.stride;
        self.pages
            .get(slot / PAGE_SLOTS)
            .map_or(&[], |page| &page[start..start + self.stride])
    }

    pub(super) fn row_mut(&mut self, slot: usize) -> &mut [V] {
        let start = slot % PAGE_SLOTS * self.stride;
        let stride = self.stride;
        self.pages
            .get_mut(slot / PAGE_SLOTS)
            .map_or(&mut [], |page| &mut page[start..start + stride])
    }

    /// Looks a key up and brings what is held of it into the processor's caches. Many of these do not wait for each
    /// other, as folding one row after another does.
    pub(super) fn look_up(&self, key: u64) -> Hint {
        let Some(slot) = (key != 0).then(|| self.find(key)).flatten() else {
            return Hint::NONE;
        };
        for value in self.row(slot).chunks(CACHE_LINE / size_of::<V>()) {
            black_box(value.first().copied());
        }
        Hint(slot as u32)
    }

    /// The slot of the key, unless its state is idle at `time_us`.
    pub(super) fn live(&self, key: u64, hint: Hint, time_us: i64) -> Option<usize> {
        let slot = self.at_hint(key, hint).or_else(|| self.find(key));
        slot.filter(|&slot| !self.is_idle(slot, time_us))
    }

    /// The slot of the key, taken for it when it has none or an idle one.
    pub(super) fn claim(&mut self, key: u64, hint: Hint, time_us: i64) -> Claim {
        let slot = self.at_hint(key, hint);
        let hash = slot.map_or_else(|| self.hasher.hash_one(key), |_| 0);
        if let Some(slot) = slot.or_else(|| self.find_hashed(key, hash)) {
            if !self.is_idle(slot, time_us) {
                return Claim::Known(slot);
            }
            self.evicted_idle += 1;
            self.row_mut(slot).fill(V::default());
            self.heads[slot].time_us = time_us;
            return Claim::Fresh(slot);
        }
        let slot = if self.heads.len() < self.max_keys {
            self.append(key, time_us)
        } else {
            let slot = self.oldest_ahead();
            if self.is_idle(slot, time_us) {
                self.evicted_idle += 1;
            } else {
                self.evicted_full += 1;
            }
            self.unindex(slot);
            self.heads[slot] = Head { key, time_us };
            self.row_mut(slot).fill(V::default());
            slot
        };
        self.enter(slot, hash);
        Claim::Fresh(slot)
    }

    /// Like [`Slab::claim`], but None when the state held here is later and `time_us` is idle beside it.
    pub(super) fn claim_for_merge(&mut self, key: u64, time_us: i64) -> Option<usize> {
        if let Some(slot) = self.find(key) {
            if self.heads[slot].time_us > time_us && self.is_idle(slot, time_us) {
                return None;
            }
        }
        match self.claim(key, Hint::NONE, time_us) {
            Claim::Known(slot) | Claim::Fresh(slot) => Some(slot),
        }
    }

    /// Lets the cursor look at the next slots and frees those idle at `time_us`. Moves slots: a slot number
    /// from before the call means nothing after it.
    pub(super) fn sweep(&mut self, time_us: i64) {
        for _ in 0..SWEEP_SLOTS {
            if self.cursor >= self.heads.len() {
                self.cursor = 0;
            }
            if self.heads.is_empty() {
                return;
            }
            if self.is_idle(self.cursor, time_us) {
                self.evicted_idle += 1;
                self.free(self.cursor);
            } else {
                self.cursor += 1;
            }
        }
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = (u64, i64, &[V])> {
        self.heads
            .iter()
            .enumerate()
            .map(|(slot, head)| (head.key, head.time_us, self.row(slot)))
    }

    pub(super) fn state(&self, parameters: String) -> State {
        let mut values = Vec::with_capacity(self.heads.len() * self.stride);
        for slot in 0..self.heads.len() {
            values.extend(self.row(slot).iter().map(|&value| value.into()));
        }
        State {
            parameters,
            keys: self.heads.iter().map(|head| head.key).collect(),
            times_us: self.heads.iter().map(|head| head.time_us).collect(),
            values,
            cursor: self.cursor as u64,
            evicted_idle: self.evicted_idle,
            evicted_full: self.evicted_full,
        }
    }

    /// A slab like this one that holds `state`.
    pub(super) fn restored(&self, state: &State) -> Result<Self, FoldError> {
        let slots = state.keys.len();
        if slots > self.max_keys {
            return Err(FoldError::new(format!(
                "state: expected at most {} keys, found {slots}",
                self.max_keys
            )));
        }
        if state.times_us.len() != slots || state.values.len() != slots * self.stride {
            return Err(FoldError::new(format!(
                "state of {slots} keys: expected {slots} times and {} values, found {} and {}",
                slots * self.stride,
                state.times_us.len(),
                state.values.len()
            )));
        }
        if state.cursor > slots as u64 {
            return Err(FoldError::new(format!(
                "state of {slots} keys: expected the cursor within them, found {}",
                state.cursor
            )));
        }
        let mut restored = Self::new(self.stride, self.idle_us, self.max_keys)?;
        restored.index.reserve(slots, |_| 0);
        for (slot, (&key, &time_us)) in state.keys.iter().zip(&state.times_us).enumerate() {
            if key == 0 || restored.find(key).is_some() {
                return Err(FoldError::new(format!(
                    "state, row {slot}: expected a key that is not 0 and comes once, found {key}"
                )));
            }
            restored.append(key, time_us);
            restored.enter(slot, restored.hasher.hash_one(key));
            let values = &state.values[slot * self.stride..(slot + 1) * self.stride];
            for (held, &value) in restored.row_mut(slot).iter_mut().zip(values) {
                *held = V::from_state(value);
            }
        }
        restored.cursor = state.cursor as usize;
        restored.evicted_idle = state.evicted_idle;
        restored.evicted_full = state.evicted_full;
        Ok(restored)
    }

    /// Idle in either direction: state from the far future is as useless as state from the far past.
    fn is_idle(&self, slot: usize, time_us: i64) -> bool {
        let apart_us = time_us.saturating_sub(self.heads[slot].time_us).saturating_abs();
        apart_us > self.idle_us
    }

    /// The hint's slot, when the key is still there.
    fn at_hint(&self, key: u64, hint: Hint) -> Option<usize> {
        let slot = hint.0 as usize;
        (self.heads.get(slot)?.key == key).then_some(slot)
    }

    fn find(&self, key: u64) -> Option<usize> {
        self.find_hashed(key, self.hasher.hash_one(key))
    }

    fn find_hashed(&self, key: u64, hash: u64) -> Option<usize> {
        self.index
            .find(hash, |&slot| self.heads[slot as usize].key == key)
            .map(|&slot| slot as usize)
    }

    /// Enters the key of `slot`, which has this hash, into the index.
    fn enter(&mut self, slot: usize, hash: u64) {
        let (heads, hasher) = (&self.heads, &self.hasher);
        let rehash = |&slot: &u32| hasher.hash_one(heads[slot as usize].key);
        self.index.insert_unique(hash, slot as u32, rehash);
    }

    fn unindex(&mut self, slot: usize) {
        let hash = self.hasher.hash_one(self.heads[slot].key);
        if let Ok(entry) = self.index.find_entry(hash, |&found| found as usize == slot) {
            entry.remove();
        }
    }

    fn append(&mut self, key: u64, time_us: i64) -> usize {
        let slot = self.heads.len();
        if slot == self.pages.len() * PAGE_SLOTS {
            self.pages
                .push(vec![V::default(); PAGE_SLOTS * self.stride].into_boxed_slice());
        }
        self.heads.push(Head { key, time_us });
        self.row_mut(slot).fill(V::default());
        slot
    }

    /// Frees a slot; the last one moves into it.
    fn free(&mut self, slot: usize) {
        self.unindex(slot);
        let last = self.heads.len() - 1;
        if slot != last {
            self.unindex(last);
            if self.stride > 0 {
                let (to, from) = (slot % PAGE_SLOTS * self.stride, last % PAGE_SLOTS * self.stride);
                let (to_page, from_page) = (slot / PAGE_SLOTS, last / PAGE_SLOTS);
                if to_page == from_page {
                    self.pages[to_page].copy_within(from..from + self.stride, to);
                } else {
                    let (head, tail) = self.pages.split_at_mut(from_page);
                    head[to_page][to..to + self.stride].copy_from_slice(&tail[0][from..from + self.stride]);
                }
            }
        }
        self.heads.swap_remove(slot);
        if slot != last {
            self.enter(slot, self.hasher.hash_one(self.heads[slot].key));
        }
        // One spare page stays, so that a count that swings around a page's edge does not allocate each time.
        if self.pages.len() > last.div_ceil(PAGE_SLOTS) + 1 {
            self.pages.pop();
        }
    }

    /// The oldest of the slots from the cursor on, the first of equals; moves the cursor past them.
    fn oldest_ahead(&mut self) -> usize {
        let len = self.heads.len();
        let start = if self.cursor < len { self.cursor } else { 0 };
        let scanned = FULL_SCAN_SLOTS.min(len);
        self.cursor = (start + scanned) % len;
        (0..scanned)
            .map(|step| (start + step) % len)
            .min_by_key(|&slot| self.heads[slot].time_us)
            .unwrap_or(start)
    }
}
