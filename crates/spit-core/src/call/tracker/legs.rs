//! Which leg a message belongs to.

use std::ops::{Index, IndexMut};

use hashbrown::HashTable;

use super::super::digest::Digest;
use super::super::event::{EventSink, HangupBy, Outcome};
use super::super::state::{Leg, Paged, NONE};
use super::Tracker;

/// Legs under one Call-ID, each with a From-tag of its own. They are looked through one by one, so a sender who uses
/// one Call-ID for everything must not make that long.
pub const MAX_LEGS_PER_CALL_ID: usize = 64;
/// Legs of one call: its hops across B2BUAs. Behind them an INVITE is an attempt of its own.
pub const MAX_LEGS_PER_CALL: u16 = 64;

/// Legs by their place and by their Call-ID.
#[derive(Debug, Default)]
pub(super) struct Legs {
    places: Paged<Leg>,
    /// The latest leg of each Call-ID, under the Call-ID's hash: four bytes an entry, the hash stands in the leg.
    by_call_id: HashTable<u32>,
}

impl Index<u32> for Legs {
    type Output = Leg;

    #[inline]
    fn index(&self, at: u32) -> &Leg {
        self.places.at(at)
    }
}

impl IndexMut<u32> for Legs {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut Leg {
        self.places.at_mut(at)
    }
}

impl Legs {
    /// The latest leg of a Call-ID.
    #[inline]
    pub(super) fn of_call_id(&self, call_id: u64) -> Option<u32> {
        let places = &self.places;
        // Call-IDs are hashed with a seed already.
        self.by_call_id
            .find(call_id, |at| places.at(*at).call_id == call_id)
            .copied()
    }

    #[inline]
    pub(super) fn find(&self, call_id: u64, from_tag: u64) -> Option<u32> {
        let mut at = self.of_call_id(call_id)?;
        while at != NONE {
            let leg = &self[at];
            if leg.from_tag == from_tag {
                return Some(at);
            }
            at = leg.next_of_call_id;
        }
        None
    }

    /// Places of legs, and Call-IDs that are known.
    #[cfg(test)]
    pub(super) fn sizes(&self) -> (usize, usize) {
        (self.places.places(), self.by_call_id.len())
    }

    /// How many legs a Call-ID has, and the oldest of them.
    fn count(&self, call_id: u64) -> (usize, u32) {
        let mut at = self.of_call_id(call_id).unwrap_or(NONE);
        let (mut legs, mut oldest) = (0, NONE);
        while at != NONE {
            (legs, oldest, at) = (legs + 1, at, self[at].next_of_call_id);
        }
        (legs, oldest)
    }

    /// Adds a leg in front of the others of its Call-ID; answers its place.
    pub(super) fn add(&mut self, mut leg: Leg) -> u32 {
        let call_id = leg.call_id;
        let places = &self.places;
        let first = self
            .by_call_id
            .find_mut(call_id, |at| places.at(*at).call_id == call_id);
        leg.next_of_call_id = first.as_deref().copied().unwrap_or(NONE);
        // `first` borrows the index, not the places.
        match first {
            Some(first) => {
                *first = self.places.add(leg);
                *first
            }
            None => {
                let at = self.places.add(leg);
                let places = &self.places;
                self.by_call_id.insert_unique(call_id, at, |at| places.at(*at).call_id);
                at
            }
        }
    }

    pub(super) fn free(&mut self, at: u32) {
        let (call_id, next) = (self[at].call_id, self[at].next_of_call_id);
        let places = &self.places;
        if let Ok(entry) = self
            .by_call_id
            .find_entry(call_id, |first| places.at(*first).call_id == call_id)
        {
            if *entry.get() == at {
                if next == NONE {
                    entry.remove();
                } else {
                    *entry.into_mut() = next;
                }
            } else {
                let mut before = *entry.get();
                while before != NONE {
                    let following = self[before].next_of_call_id;
                    if following == at {
                        self[before].next_of_call_id = next;
                        break;
                    }
                    before = following;
                }
            }
        }
        self.places.free(at);
    }
}

impl Tracker {
    /// Gives up the oldest call of a Call-ID that has as many legs as it may have: the new one is tracked, so that
    /// nobody hides attempts behind others.
    pub(super) fn make_room_for_leg(&mut self, call_id: u64, sink: &mut impl EventSink) {
        loop {
            let (legs, oldest) = self.legs.count(call_id);
            if legs < MAX_LEGS_PER_CALL_ID {
                return;
            }
            self.counters.crowded += 1;
            let call_at = self.legs[oldest].call;
            self.give_up(call_at, self.now_us, Outcome::Incomplete, sink);
            self.release(call_at);
        }
    }

    pub(super) fn add_leg(&mut self, call_at: u32, ids: &Digest, branch: u64) {
        let mut leg = Leg::new(call_at, ids.call_id, ids.from_tag);
        leg.next_transaction(ids.cseq, branch);
        leg.invite_seen = leg.hop(ids.hop).0;
        self.join(call_at, leg);
    }

    /// Makes a leg the last one of a call.
    pub(super) fn join(&mut self, call_at: u32, leg: Leg) {
        let leg_at = self.legs.add(leg);
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        if call.first_leg == NONE {
            call.first_leg = leg_at;
        } else {
            self.legs[call.last_leg].next_of_call = leg_at;
        }
        call.last_leg = leg_at;
    }

    /// The leg of an in-dialog message, and which side sent it.
    pub(super) fn find_dialog(&self, ids: &Digest) -> Option<(u32, HangupBy)> {
        if let Some(at) = self.legs.find(ids.call_id, ids.from_tag) {
            return Some((at, HangupBy::Caller));
        }
        let at = self.legs.find(ids.call_id, ids.to_tag)?;
        Some((at, HangupBy::Callee))
    }
}
