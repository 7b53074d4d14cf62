//! Which leg a message belongs to.

use super::super::digest::Digest;
use super::super::event::{EventSink, HangupBy, Outcome};
use super::super::state::{Leg, NONE};
use super::Tracker;

/// Legs under one Call-ID, each with a From-tag of its own. They are looked through one by one, so a sender who uses
/// one Call-ID for everything must not make that long.
pub const MAX_LEGS_PER_CALL_ID: usize = 64;
/// Legs of one call: its hops across B2BUAs. Behind them an INVITE is an attempt of its own.
pub const MAX_LEGS_PER_CALL: u16 = 64;

impl Tracker {
    /// Gives up the oldest call of a Call-ID that has as many legs as it may have: the new one is tracked, so that
    /// nobody hides attempts behind others.
    pub(super) fn make_room_for_leg(&mut self, call_id: u64, sink: &mut impl EventSink) {
        loop {
            let mut at = self.by_call_id.get(&call_id).copied().unwrap_or(NONE);
            let (mut legs, mut oldest) = (0, NONE);
            while at != NONE {
                let leg = &self.legs[at as usize];
                (legs, oldest, at) = (legs + 1, leg.call, leg.next_of_call_id);
            }
            if legs < MAX_LEGS_PER_CALL_ID {
                return;
            }
            self.counters.crowded += 1;
            self.give_up(oldest, self.now_us, Outcome::Incomplete, sink);
            self.release(oldest);
        }
    }

    pub(super) fn add_leg(&mut self, call_at: u32, ids: &Digest, branch: u64) {
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        let mut leg = Leg::new(call_at, ids.call_id, ids.from_tag);
        leg.next_transaction(ids.cseq, branch);
        leg.invite_seen = leg.hop(ids.hop).0;
        leg.next_of_call_id = self.by_call_id.get(&ids.call_id).copied().unwrap_or(NONE);
        let leg_at = match self.free_legs.pop() {
            Some(at) => {
                self.legs[at as usize] = leg;
                at
            }
            None => {
                self.legs.push(leg);
                (self.legs.len() - 1) as u32
            }
        };
        if call.first_leg == NONE {
            call.first_leg = leg_at;
        } else {
            self.legs[call.last_leg as usize].next_of_call = leg_at;
        }
        call.last_leg = leg_at;
        self.by_call_id.insert(ids.call_id, leg_at);
    }

    pub(super) fn unlink(&mut self, call_id: u64, leg_at: u32) {
        let next = self.legs[leg_at as usize].next_of_call_id;
        let Some(first) = self.by_call_id.get_mut(&call_id) else {
            return;
        };
        if *first == leg_at {
            if next == NONE {
                self.by_call_id.remove(&call_id);
            } else {
                *first = next;
            }
            return;
        }
        let mut at = *first;
        while at != NONE {
            let following = self.legs[at as usize].next_of_call_id;
            if following == leg_at {
                self.legs[at as usize].next_of_call_id = next;
                return;
            }
            at = following;
        }
    }

    #[inline]
    pub(super) fn find_leg(&self, call_id: u64, from_tag: u64) -> Option<u32> {
        let mut at = *self.by_call_id.get(&call_id)?;
        while at != NONE {
            let leg = &self.legs[at as usize];
            if leg.from_tag == from_tag {
                return Some(at);
            }
            at = leg.next_of_call_id;
        }
        None
    }

    /// The leg of an in-dialog message, and which side sent it.
    pub(super) fn find_dialog(&self, ids: &Digest) -> Option<(u32, HangupBy)> {
        if let Some(at) = self.find_leg(ids.call_id, ids.from_tag) {
            return Some((at, HangupBy::Caller));
        }
        let at = self.find_leg(ids.call_id, ids.to_tag)?;
        Some((at, HangupBy::Callee))
    }
}
