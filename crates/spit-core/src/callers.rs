//! What is known of each caller: attempts, highest score, label, sources, the attempts that tell of it.
//!
//! A row for each caller in a numbered slot. Attempts are counted one after another, so nothing depends on how they
//! are cut into batches, the choice of who leaves a full table included.

use std::sync::Arc;

use crate::fold::{FoldError, Names};
use crate::Micros;

/// Source addresses kept of each caller: the first ones.
pub const MAX_SOURCES: usize = 8;
/// Call-IDs kept of each caller: those of its first attempts that were labelled.
pub const MAX_CALL_IDS: usize = 5;
/// A label above legit.
pub const SUSPECT: i8 = 1;
/// The highest label.
pub const SPAM: i8 = 2;
/// Addresses held before those that no caller has any more are looked for.
const MIN_SWEEP_SOURCES: usize = 4096;
/// A full table lets this share of its callers go at once, so that looking for the oldest is paid once for many.
const EVICTED_SHARE: usize = 16;

/// The Call-IDs of a caller, shared by all who were told of them.
pub type CallIds = Arc<[Arc<str>]>;

/// One attempt. `values`: its features.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "named as in spit/engine/callers.py")]
pub struct Attempt<'a> {
    pub time_us: Micros,
    pub score: f64,
    pub label: i8,
    pub source: Option<&'a str>,
    pub call_id: Option<&'a str>,
    pub values: &'a [f32],
}

/// What was known of a caller at an attempt, the attempt included.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// Attempts so far.
    pub attempts: i64,
    /// The number of the first attempt that was spam; 0: none so far.
    pub flagged_at: i64,
    /// The earliest attempt so far.
    pub first_us: Micros,
    /// Of an attempt that was labelled: the caller's labelled attempts so far, the first few.
    pub call_ids: Option<CallIds>,
}

/// A caller.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// Attempts so far.
    pub attempts: i64,
    /// The highest.
    pub score: f64,
    /// The highest.
    pub label: i8,
    /// The number of the first attempt that was spam; 0: none.
    pub flagged_at: i64,
    /// The earliest attempt.
    pub first_us: Micros,
    /// The latest attempt.
    pub last_us: Micros,
    /// Slots among the addresses.
    sources: [u32; MAX_SOURCES],
    source_count: u8,
    told: Option<Box<Told>>,
}

/// A caller as it is saved.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(missing_docs, reason = "named as in Caller")]
pub struct Saved<'a> {
    pub attempts: i64,
    pub score: f64,
    pub label: i8,
    pub flagged_at: i64,
    pub first_us: Micros,
    pub last_us: Micros,
    pub sources: Vec<&'a str>,
    pub call_ids: Vec<&'a str>,
    pub values: Option<&'a [f32]>,
}

/// What only callers have who were labelled.
#[derive(Debug, Clone, Default, PartialEq)]
struct Told {
    /// Features of the attempt with the highest score.
    values: Option<Box<[f32]>>,
    call_ids: CallIds,
}

impl Caller {
    const NEW: Self = Self {
        attempts: 0,
        score: -1.0,
        label: 0,
        flagged_at: 0,
        first_us: Micros::MAX,
        last_us: Micros::MIN,
        sources: [0; MAX_SOURCES],
        source_count: 0,
        told: None,
    };

    /// Features of the attempt with the highest score, None below suspect.
    pub fn values(&self) -> Option<&[f32]> {
        self.told.as_ref()?.values.as_deref()
    }

    /// Of its first attempts that were labelled.
    pub fn call_ids(&self) -> Option<&CallIds> {
        self.told.as_ref().map(|told| &told.call_ids)
    }

    fn source_slots(&self) -> &[u32] {
        &self.sources[..usize::from(self.source_count)]
    }

    fn count(&mut self, attempt: &Attempt<'_>) -> Counted {
        self.attempts += 1;
        self.first_us = self.first_us.min(attempt.time_us);
        self.last_us = self.last_us.max(attempt.time_us);
        self.label = self.label.max(attempt.label);
        if attempt.label >= SPAM && self.flagged_at == 0 {
            self.flagged_at = self.attempts;
        }
        let labelled = attempt.label >= SUSPECT;
        if attempt.score > self.score {
            self.score = attempt.score;
            if labelled {
                self.told.get_or_insert_default().keep_values(attempt.values);
            }
        }
        Counted {
            attempts: self.attempts,
            flagged_at: self.flagged_at,
            first_us: self.first_us,
            call_ids: labelled.then(|| self.told.get_or_insert_default().keep_call_id(attempt.call_id)),
        }
    }
}

impl Told {
    fn keep_values(&mut self, values: &[f32]) {
        match &mut self.values {
            Some(held) if held.len() == values.len() => held.copy_from_slice(values),
            held => *held = Some(values.into()),
        }
    }

    fn keep_call_id(&mut self, call_id: Option<&str>) -> CallIds {
        if let Some(call_id) = call_id {
            let held = &self.call_ids;
            if held.len() < MAX_CALL_IDS && !held.iter().any(|one| **one == *call_id) {
                self.call_ids = held.iter().cloned().chain([call_id.into()]).collect();
            }
        }
        self.call_ids.clone()
    }
}

/// At most so many callers; when full, those seen least recently, by event time, leave first.
#[derive(Debug, Clone)]
pub struct Callers {
    max: usize,
    names: Names,
    /// By the slots of `names`; of a slot that holds no name it means nothing.
    rows: Vec<Caller>,
    sources: Names,
    sweep_at: usize,
    evicted: u64,
}

impl Callers {
    /// Fails when `max` is 0.
    pub fn new(max: usize) -> Result<Self, FoldError> {
        if max == 0 {
            return Err(FoldError::new("expected max_callers >= 1, found 0"));
        }
        Ok(Self {
            max,
            names: Names::default(),
            rows: Vec::new(),
            sources: Names::default(),
            sweep_at: MIN_SWEEP_SOURCES,
            evicted: 0,
        })
    }

    /// Counts an attempt of `name`. Fails when there is no slot for a name.
    pub fn count(&mut self, name: &str, attempt: &Attempt<'_>) -> Result<Counted, FoldError> {
        let slot = self.claim(name)?;
        let counted = self.rows[slot].count(attempt);
        if let Some(source) = attempt.source {
            self.add_source(slot, source)?;
        }
        Ok(counted)
    }

    /// Takes a caller that was saved, in place of what is known of it.
    pub fn insert(&mut self, name: &str, saved: &Saved<'_>) -> Result<(), FoldError> {
        let slot = self.claim(name)?;
        let told = (saved.values.is_some() || !saved.call_ids.is_empty()).then(|| {
            Box::new(Told {
                values: saved.values.map(Into::into),
                call_ids: saved.call_ids.iter().map(|&one| one.into()).collect(),
            })
        });
        self.rows[slot] = Caller {
            attempts: saved.attempts,
            score: saved.score,
            label: saved.label,
            flagged_at: saved.flagged_at,
            first_us: saved.first_us,
            last_us: saved.last_us,
            told,
            ..Caller::NEW
        };
        saved
            .sources
            .iter()
            .try_for_each(|source| self.add_source(slot, source))
    }

    /// Says how many callers had left before.
    pub fn set_evicted(&mut self, evicted: u64) {
        self.evicted = evicted;
    }

    /// Callers held.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Callers that left.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// A caller by its name.
    pub fn get(&self, name: &str) -> Option<&Caller> {
        self.at(self.slot(name)?).map(|(_, caller)| caller)
    }

    /// The slot of a caller.
    pub fn slot(&self, name: &str) -> Option<u32> {
        self.names.slot(name)
    }

    /// The caller of a slot, with its name.
    pub fn at(&self, slot: u32) -> Option<(&str, &Caller)> {
        Some((self.names.name(slot)?, self.rows.get(slot as usize)?))
    }

    /// The slots that hold a caller, in rising order.
    pub fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.names.slots()
    }

    /// Its addresses, in the order seen.
    pub fn sources<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = &'a str> {
        caller.source_slots().iter().filter_map(|&slot| self.sources.name(slot))
    }

    fn claim(&mut self, name: &str) -> Result<usize, FoldError> {
        let (slot, is_fresh) = self.names.claim(name)?;
        let at = slot as usize;
        if is_fresh {
            match self.rows.get_mut(at) {
                Some(row) => *row = Caller::NEW,
                None => self.rows.push(Caller::NEW),
            }
            if self.names.len() > self.max {
                self.evict(slot);
            }
        }
        Ok(at)
    }

    /// Lets the callers go that were seen least recently, but not the one in slot `keep`.
    fn evict(&mut self, keep: u32) {
        let last_us = |slot: u32| self.rows[slot as usize].last_us;
        let mut found: Vec<_> = self
            .names
            .slots()
            .filter(|&slot| slot != keep)
            .map(|slot| (last_us(slot), slot))
            .collect();
        let count = (self.max / EVICTED_SHARE).max(1).min(found.len());
        if count < found.len() {
            found.select_nth_unstable(count);
        }
        for &(_, slot) in &found[..count] {
            self.names.release(slot);
            self.rows[slot as usize] = Caller::NEW;
        }
        self.evicted += count as u64;
    }

    fn add_source(&mut self, slot: usize, source: &str) -> Result<(), FoldError> {
        let Self { rows, sources, .. } = self;
        let row = &mut rows[slot];
        let count = usize::from(row.source_count);
        let known = row
            .source_slots()
            .iter()
            .any(|&held| sources.name(held) == Some(source));
        if known || count == MAX_SOURCES {
            return Ok(());
        }
        let (held, is_fresh) = sources.claim(source)?;
        row.sources[count] = held;
        row.source_count += 1;
        if is_fresh && sources.len() > self.sweep_at {
            self.sweep_sources();
        }
        Ok(())
    }

    /// Forgets the addresses that left with their callers.
    fn sweep_sources(&mut self) {
        let mut is_held = Vec::new();
        for slot in self.names.slots() {
            for &source in self.rows[slot as usize].source_slots() {
                let source = source as usize;
                if source >= is_held.len() {
                    is_held.resize(source + 1, false);
                }
                is_held[source] = true;
            }
        }
        let is_held = |slot: &u32| is_held.get(*slot as usize).copied().unwrap_or_default();
        let unheld: Vec<_> = self.sources.slots().filter(|slot| !is_held(slot)).collect();
        for slot in unheld {
            self.sources.release(slot);
        }
        self.sweep_at = MIN_SWEEP_SOURCES.max(2 * self.sources.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(time_us: Micros, score: f64, source: &str, call_id: &'static str) -> Attempt<'static> {
        Attempt {
            time_us,
            score,
            label: if score >= 0.9 { SPAM } else { i8::from(score >= 0.5) },
            source: Some(String::leak(source.to_owned())),
            call_id: Some(call_id),
            values: &*Vec::leak(vec![score as f32]),
        }
    }

    fn sources(callers: &Callers, name: &str) -> Vec<String> {
        let caller = callers.get(name).unwrap();
        callers.sources(caller).map(str::to_owned).collect()
    }

    #[test]
    fn an_attempt_is_told_what_was_known_with_it() {
        let mut callers = Callers::new(10).unwrap();
        let mut count = |time_us, score, call_id| {
            let counted = callers.count("a", &attempt(time_us, score, "x", call_id)).unwrap();
            let call_ids = counted
                .call_ids
                .map(|ids| ids.iter().map(|id| id.to_string()).collect::<Vec<_>>());
            (counted.attempts, counted.flagged_at, counted.first_us, call_ids)
        };
        let ids = |ids: &[&str]| Some(ids.iter().map(|id| id.to_string()).collect::<Vec<_>>());
        assert_eq!(count(5, 0.1, "1"), (1, 0, 5, None));
        assert_eq!(count(6, 0.6, "2"), (2, 0, 5, ids(&["2"])));
        // Late, and the same call again.
        assert_eq!(count(4, 0.95, "2"), (3, 3, 4, ids(&["2"])));
        assert_eq!(count(9, 0.2, "3"), (4, 3, 4, None));
        assert_eq!(count(9, 0.6, "4"), (5, 3, 4, ids(&["2", "4"])));
        let held = callers.get("a").unwrap();
        assert_eq!((held.attempts, held.score, held.label), (5, 0.95, SPAM));
        assert_eq!((held.first_us, held.last_us), (4, 9));
        assert_eq!(held.values(), Some(&[0.95_f32][..]));
    }

    #[test]
    fn only_the_first_few_are_kept() {
        let mut callers = Callers::new(10).unwrap();
        for i in 0..20 {
            let call_id: &'static str = String::leak(format!("id{i}"));
            callers
                .count("a", &attempt(i, 0.6, &format!("ip{i}"), call_id))
                .unwrap();
        }
        let expected: Vec<_> = (0..MAX_SOURCES).map(|i| format!("ip{i}")).collect();
        assert_eq!(sources(&callers, "a"), expected);
        let call_ids = callers.get("a").unwrap().call_ids().unwrap();
        assert_eq!(call_ids.len(), MAX_CALL_IDS);
        assert_eq!(&*call_ids[4], "id4");
    }

    #[test]
    fn a_full_table_lets_those_go_who_were_seen_least_recently() {
        let mut callers = Callers::new(2).unwrap();
        for (name, time_us) in [("a", 0), ("b", 1), ("a", 2), ("c", 1)] {
            callers.count(name, &attempt(time_us, 0.95, name, "1")).unwrap();
        }
        let names: Vec<_> = callers.slots().filter_map(|slot| callers.at(slot)).collect();
        assert_eq!(names.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((callers.len(), callers.evicted()), (2, 1));
        assert_eq!(callers.get("b"), None);
        // Whoever comes back has seen nothing.
        let counted = callers.count("b", &attempt(9, 0.1, "z", "1")).unwrap();
        assert_eq!((counted.attempts, counted.flagged_at, counted.first_us), (1, 0, 9));
        assert_eq!(
            (sources(&callers, "b"), callers.get("b").unwrap().values()),
            (vec!["z".into()], None)
        );
    }

    #[test]
    fn addresses_leave_with_their_callers() {
        let mut callers = Callers::new(100).unwrap();
        for i in 0..20_000 {
            let name = format!("n{i}");
            callers.count(&name, &attempt(i, 0.1, &format!("ip{i}"), "1")).unwrap();
        }
        assert!(callers.sources.len() <= MIN_SWEEP_SOURCES + 100);
        assert_eq!(sources(&callers, "n19999"), ["ip19999"]);
        assert_eq!(callers.len() as u64 + callers.evicted(), 20_000);
    }

    #[test]
    fn a_saved_caller_goes_on() {
        let mut callers = Callers::new(10).unwrap();
        let saved = Saved {
            attempts: 7,
            score: 0.95,
            label: SPAM,
            flagged_at: 3,
            first_us: 1,
            last_us: 5,
            sources: vec!["x", "y"],
            call_ids: vec!["1"],
            values: Some(&[0.5]),
        };
        callers.insert("a", &saved).unwrap();
        let counted = callers.count("a", &attempt(9, 0.9, "z", "2")).unwrap();
        assert_eq!((counted.attempts, counted.flagged_at, counted.first_us), (8, 3, 1));
        assert_eq!(counted.call_ids.unwrap().len(), 2);
        let held = callers.get("a").unwrap();
        assert_eq!(
            (held.score, held.values(), held.last_us),
            (0.95, Some(&[0.5_f32][..]), 9)
        );
        assert_eq!(sources(&callers, "a"), ["x", "y", "z"]);
        assert!(Callers::new(0).is_err());
    }
}
