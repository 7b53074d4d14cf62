//! The tracker's state as bytes, so that a restarted agent knows the calls that go on.

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::super::settings::TrackSettings;
use super::super::state::{Call, Leg, Phase, MAX_HOPS, NONE};
use super::super::timers::Timers;
use super::{TrackCounters, Tracker};
use crate::Micros;

/// Changes with every change of what is saved.
const VERSION: u16 = 1;

/// Why bytes are not a saved tracker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadError {
    /// What was expected.
    pub expected: String,
    /// What was found instead.
    pub found: String,
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for LoadError {}

/// A call, its User-Agent and its legs in order.
type SavingCall<'a> = (&'a Call, Option<&'a [u8]>, Vec<&'a Leg>);

/// Why a tracker was not saved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SaveError(String);

impl std::fmt::Display for SaveError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the tracker can't be saved: {}", self.0)
    }
}

impl std::error::Error for SaveError {}

#[derive(Serialize)]
struct Saving<'a> {
    version: u16,
    seed: u64,
    now_us: Micros,
    counters: TrackCounters,
    /// In the order of their beginning.
    calls: Vec<SavingCall<'a>>,
    /// Caller and callee of calls that began a moment ago, and which use of which place they were.
    recent: Vec<(u64, u32)>,
}

#[derive(Deserialize)]
struct Loaded {
    seed: u64,
    now_us: Micros,
    counters: TrackCounters,
    calls: Vec<(Call, Option<Vec<u8>>, Vec<Leg>)>,
    recent: Vec<(u64, u32)>,
}

impl Tracker {
    /// The state as bytes. `seed` is that of the digester: without it no message finds its call again, and who knows it
    /// can make Call-IDs collide, so the bytes are a secret.
    ///
    /// # Errors
    /// [`SaveError`] when the state can't be written, so that no empty one takes the place of a good one.
    pub fn save(&self, seed: u64) -> Result<Vec<u8>, SaveError> {
        let mut calls: Vec<&Call> = self.calls.iter().map(|(_, call)| call).collect();
        calls.sort_unstable_by_key(|call| call.generation);
        let saving = Saving {
            version: VERSION,
            seed,
            now_us: self.now_us,
            counters: self.counters,
            calls: calls
                .into_iter()
                .map(|call| (call, self.agents.get(call.agent), self.legs_of(call)))
                .collect(),
            recent: self
                .recent
                .iter()
                .map(|(parties, (_, generation))| (parties, generation))
                .collect(),
        };
        postcard::to_stdvec(&saving).map_err(|e| SaveError(e.to_string()))
    }

    fn legs_of(&self, call: &Call) -> Vec<&Leg> {
        let mut legs = Vec::new();
        let mut at = call.first_leg;
        while at != NONE {
            legs.push(&self.legs[at]);
            at = self.legs[at].next_of_call;
        }
        legs
    }

    /// The tracker that was saved, and the seed of its digester. Of more calls than `max_calls` the oldest are given up.
    ///
    /// # Errors
    /// [`LoadError`] when the bytes are not those of [`Tracker::save`] in this version.
    pub fn load(bytes: &[u8], settings: TrackSettings) -> Result<(Tracker, u64), LoadError> {
        let broken = |found: String| LoadError {
            expected: format!("a saved tracker of version {VERSION}"),
            found,
        };
        let (version, rest) =
            postcard::take_from_bytes::<u16>(bytes).map_err(|e| broken(format!("{} bytes ({e})", bytes.len())))?;
        if version != VERSION {
            return Err(broken(format!("version {version}")));
        }
        let (loaded, rest) = postcard::take_from_bytes::<Loaded>(rest).map_err(|e| broken(e.to_string()))?;
        if !rest.is_empty() {
            return Err(broken(format!("{} bytes behind it", rest.len())));
        }
        let mut tracker = Tracker::new(settings);
        tracker.now_us = loaded.now_us;
        tracker.timers = Timers::starting(loaded.now_us);
        tracker.counters = loaded.counters;
        let given_up = loaded.calls.len().saturating_sub(settings.max_calls.max(1));
        tracker.counters.evicted += given_up as u64;
        let mut places = HashMap::new();
        for (call, agent, legs) in loaded.calls.into_iter().skip(given_up) {
            let generation = call.generation;
            if let Some(at) = tracker.resume(call, agent.as_deref(), legs) {
                places.insert(generation, (at, tracker.generation));
            }
        }
        let bounds = tracker.recent_bounds();
        for (parties, generation) in loaded.recent {
            if let Some(call) = places.get(&generation) {
                tracker.recent.insert(parties, *call, tracker.now_us, bounds);
            }
        }
        Ok((tracker, loaded.seed))
    }

    fn resume(&mut self, mut call: Call, agent: Option<&[u8]>, legs: Vec<Leg>) -> Option<u32> {
        if call.phase == Phase::Free || legs.is_empty() {
            return None;
        }
        self.generation = self.generation.wrapping_add(1);
        let deadline_us = call.deadline_us;
        let session = call.session_hash;
        let goes_on = call.phase != Phase::Ended;
        call.generation = self.generation;
        call.agent = self.agents.take(agent);
        call.timer_us = Micros::MAX;
        (call.first_leg, call.last_leg) = (NONE, NONE);
        let call_at = self.calls.add(call);
        for mut leg in legs {
            leg.call = call_at;
            leg.next_of_call = NONE;
            leg.hop_count = leg.hop_count.min(MAX_HOPS as u8);
            self.join(call_at, leg);
        }
        if session != 0 && goes_on {
            self.by_session.insert(session, call_at);
        }
        self.set_deadline(call_at, deadline_us);
        Some(call_at)
    }
}
