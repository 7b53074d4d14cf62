//! The call tracker: which message belongs to which call, and what it changes there.

#[cfg(test)]
mod bounds;
mod ends;
mod legs;
mod recent;
mod saved;

pub use ends::{MAX_TIMERS_PER_CALL, SPARE_TIMERS};
pub use legs::{MAX_LEGS_PER_CALL, MAX_LEGS_PER_CALL_ID};

use hashbrown::HashMap;

use super::agents::Agents;
use super::attempt::{Attempt, AttemptView};
use super::claims::PassportCounts;
use super::digest::{Digest, DigestKind, Digested, Digests};
use super::event::{CallView, EventKind, EventSink, HangupBy, Outcome};
use super::settings::TrackSettings;
use super::state::{Call, Calls, Moment, Phase, NONE};
use super::timers::Timers;
use crate::Micros;
use legs::Legs;
use recent::{Bounds, Recent};
pub use saved::{LoadError, SaveError};

/// The clock stops here, far beyond any capture, so that there is always time for a deadline: a call without one could
/// not make room for others.
const LATEST_US: Micros = Micros::MAX / 2;

/// What became of messages and calls, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TrackCounters {
    /// Attempts found.
    pub attempts: u64,
    /// Calls ended, tracking given up included.
    pub ended: u64,
    /// Calls of which the BYE was not seen: their duration is censored.
    pub censored: u64,
    /// Legs joined to a call across a B2BUA.
    pub joined_legs: u64,
    /// Messages without Call-ID or CSeq.
    pub untrackable: u64,
    /// INVITE responses, CANCELs and BYEs of calls that are not known, such as ones that began before the capture.
    pub unmatched: u64,
    /// Calls given up because of the bound on their number.
    pub evicted: u64,
    /// Calls given up, ended ones among them, because [`MAX_LEGS_PER_CALL_ID`] others share their Call-ID.
    pub crowded: u64,
    /// PASSporTs of attempts.
    pub passports: u64,
    /// PASSporTs in compact form, whose claims can't be read.
    pub passports_compact: u64,
    /// Identity headers without a PASSporT that can be read.
    pub passports_unreadable: u64,
    /// Attempts with more Identity headers than are read.
    pub passports_over_limit: u64,
}

impl TrackCounters {
    fn count_passports(&mut self, counts: PassportCounts) {
        self.passports += u64::from(counts.all);
        self.passports_compact += u64::from(counts.compact);
        self.passports_unreadable += u64::from(counts.unreadable);
        self.passports_over_limit += u64::from(counts.has_more);
    }
}

/// Tracks calls from messages in the order of their capture.
#[derive(Debug)]
pub struct Tracker {
    settings: TrackSettings,
    calls: Calls,
    legs: Legs,
    by_session: HashMap<u64, u32>,
    recent: Recent,
    agents: Agents,
    timers: Timers,
    generation: u32,
    now_us: Micros,
    /// What became of messages and calls.
    pub counters: TrackCounters,
}

impl Tracker {
    /// A tracker without calls.
    pub fn new(settings: TrackSettings) -> Tracker {
        Tracker {
            settings,
            calls: Calls::default(),
            legs: Legs::default(),
            by_session: HashMap::new(),
            recent: Recent::default(),
            agents: Agents::default(),
            timers: Timers::default(),
            generation: 0,
            now_us: Micros::MIN,
            counters: TrackCounters::default(),
        }
    }

    /// Calls kept, ended ones that absorb retransmissions among them.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether no call is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Timers that are filed, outdated ones among them.
    pub fn timers(&self) -> usize {
        self.timers.len()
    }

    /// Takes messages in the order of their capture.
    pub fn take_all(&mut self, digests: &Digests, sink: &mut impl EventSink) {
        for digested in digests.iter() {
            self.take(digested, sink);
        }
    }

    /// Takes one message as its digest. Calls whose time ran out before it are ended first.
    #[inline]
    pub fn take(&mut self, digested: Digested<'_>, sink: &mut impl EventSink) {
        let Digested { digest, attempt } = digested;
        self.advance(digest.time_us, sink);
        match digest.kind {
            DigestKind::Invite | DigestKind::Message => match attempt {
                Some(attempt) => self.request(digest, attempt, sink),
                None => self.counters.untrackable += 1,
            },
            DigestKind::Cancel => self.cancel(digest),
            DigestKind::Bye => self.bye(digest, sink),
            DigestKind::InDialog => {
                // A message inside a dialog shows that the call goes on.
                if let Some((leg_at, _)) = self.find_dialog(digest) {
                    self.refresh(self.legs[leg_at].call, digest);
                }
            }
            DigestKind::InviteResponse | DigestKind::MessageResponse => self.response(digest, sink),
            DigestKind::Untrackable => self.counters.untrackable += 1,
        }
    }

    /// Goes on to a time without a message: calls whose time ran out are ended.
    #[inline]
    pub fn advance(&mut self, now_us: Micros, sink: &mut impl EventSink) {
        self.now_us = self.now_us.max(now_us.min(LATEST_US));
        self.expire(sink);
    }

    /// Ends tracking: every call that goes on is given as incomplete, or answered with a censored duration.
    pub fn flush(&mut self, sink: &mut impl EventSink) {
        // Not by their place, which is another one after a restart.
        let mut open: Vec<(Micros, u32, u32)> = self
            .calls
            .iter()
            .filter(|(_, call)| call.phase != Phase::Ended)
            .map(|(at, call)| (call.start_us, call.generation, at))
            .collect();
        open.sort_unstable();
        for (_, _, at) in open {
            self.give_up(at, self.now_us, Outcome::Incomplete, sink);
        }
    }

    fn request(&mut self, ids: &Digest, attempt: AttemptView<'_>, sink: &mut impl EventSink) {
        let Some(leg_at) = self.legs.find(ids.call_id, ids.from_tag) else {
            self.first_request(ids, attempt, sink);
            return;
        };
        let leg = &mut self.legs[leg_at];
        let call_at = leg.call;
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        let (hop, new_hop) = leg.hop(ids.hop);
        if ids.cseq < leg.cseq {
            call.retransmissions = call.retransmissions.saturating_add(1);
            return;
        }
        if ids.cseq == leg.cseq {
            if leg.invite_seen & hop == 0 {
                // The same INVITE behind a proxy: another Via, the same attempt.
                leg.invite_seen |= hop;
                call.hops = call.hops.saturating_add(u16::from(new_hop));
                return;
            }
            let reused = call.phase == Phase::Ended && hop == 1 && attempt.facts.branch as u32 != leg.branch;
            if !reused {
                call.retransmissions = call.retransmissions.saturating_add(1);
                return;
            }
        } else if matches!(call.phase, Phase::Calling | Phase::AwaitingRetry) && call.cancel == Moment::NEVER {
            // Another try after 401, 407, 422, 491 or 3xx (or a final response that was lost): the same attempt.
            leg.next_transaction(ids.cseq, attempt.facts.branch);
            leg.invite_seen = hop;
            call.phase = Phase::Calling;
            call.final_status = 0;
            call.last_response = Moment::NEVER;
            let deadline = self.now_us.saturating_add(self.settings.transaction_timeout_us);
            self.set_deadline(call_at, deadline);
            return;
        }
        // The Call-ID is used again: another epoch of it, another call.
        self.give_up(call_at, self.now_us, Outcome::Incomplete, sink);
        self.release(call_at);
        self.first_request(ids, attempt, sink);
    }

    fn first_request(&mut self, ids: &Digest, attempt: AttemptView<'_>, sink: &mut impl EventSink) {
        self.make_room_for_leg(ids.call_id, sink);
        if let Some(call_at) = self.find_other_side(attempt.facts, ids.time_us) {
            self.add_leg(call_at, ids, attempt.facts.branch);
            if let Some(call) = self.calls.get_mut(call_at) {
                call.hops = call.hops.saturating_add(1);
            }
            self.counters.joined_legs += 1;
            return;
        }
        self.make_room(sink);
        self.generation = self.generation.wrapping_add(1);
        let facts = attempt.facts;
        let call = Call {
            texts: attempt.texts(),
            agent: self.agents.take(attempt.agent()),
            start_us: ids.time_us,
            provisional: Moment::NEVER,
            ring: Moment::NEVER,
            cancel: Moment::NEVER,
            answer: Moment::NEVER,
            last_response: Moment::NEVER,
            deadline_us: 0,
            timer_us: Micros::MAX,
            session_expires_s: 0,
            fingerprint: facts.fingerprint,
            session_hash: facts.session,
            generation: self.generation,
            first_leg: NONE,
            last_leg: NONE,
            retransmissions: 0,
            final_status: 0,
            hops: 1,
            phase: Phase::Calling,
            transport: facts.transport,
            attestation: facts.attestation,
            exemption: facts.exemption,
            is_message: ids.kind == DigestKind::Message,
            auth_challenged: false,
        };
        let call_at = self.calls.add(call);
        self.add_leg(call_at, ids, attempt.facts.branch);
        if facts.session != 0 {
            self.by_session.insert(facts.session, call_at);
        }
        if facts.parties != 0 {
            let bounds = self.recent_bounds();
            self.recent
                .insert(facts.parties, (call_at, self.generation), self.now_us, bounds);
        }
        self.counters.attempts += 1;
        self.counters.count_passports(facts.passports);
        let deadline = self.now_us.saturating_add(self.settings.transaction_timeout_us);
        self.set_deadline(call_at, deadline);
        if let Some(call) = self.calls.get(call_at) {
            sink.event(
                EventKind::Attempt,
                self.now_us,
                &CallView {
                    call,
                    agent: self.agents.get(call.agent),
                    end: None,
                },
            );
        }
    }

    fn recent_bounds(&self) -> Bounds {
        Bounds {
            window_us: self.settings.leg_join_window_us,
            max_calls: self.settings.max_calls.max(1),
        }
    }

    /// The call of which a new INVITE is the other side of a B2BUA.
    ///
    /// By Session-ID (RFC 7989), by a header that names the first Call-ID, else by the same caller and callee within
    /// a short time. The INVITE must come from elsewhere: a caller can't hide attempts by repeating such a header.
    fn find_other_side(&self, attempt: &Attempt, time_us: Micros) -> Option<u32> {
        let elsewhere = |at: &u32| {
            self.calls.get(*at).is_some_and(|call| {
                let from_elsewhere = call.texts.source_ip() != Some(attempt.source_ip);
                call.phase != Phase::Ended && from_elsewhere && call.hops < MAX_LEGS_PER_CALL
            })
        };
        if let Some(at) = self.by_session.get(&attempt.session).copied().filter(elsewhere) {
            return Some(at);
        }
        for call_id in attempt.other_call_ids {
            let named = self.legs.of_call_id(call_id);
            if let Some(at) = named.map(|leg| self.legs[leg].call).filter(elsewhere) {
                return Some(at);
            }
        }
        let (at, generation) = self.recent.get(attempt.parties)?;
        let call = self
            .calls
            .get(at)
            .filter(|call| call.generation == generation && elsewhere(&at))?;
        let age = time_us.saturating_sub(call.start_us);
        (0..=self.settings.leg_join_window_us).contains(&age).then_some(at)
    }

    fn cancel(&mut self, ids: &Digest) {
        let Some(leg) = self.legs.find(ids.call_id, ids.from_tag).and_then(|at| {
            let leg = &self.legs[at];
            // A proxy cancels branches of its own behind it; only the caller's CANCEL ends the attempt.
            let first = self.calls.get(leg.call)?.first_leg == at;
            (first && leg.cseq == ids.cseq && leg.known_hop(ids.hop) <= 1).then_some(at)
        }) else {
            self.counters.unmatched += 1;
            return;
        };
        let call_at = self.legs[leg].call;
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        if call.phase != Phase::Calling {
            return;
        }
        if call.cancel != Moment::NEVER {
            call.retransmissions = call.retransmissions.saturating_add(1);
            return;
        }
        call.cancel = Moment::at(ids.time_us, call.start_us);
        let deadline = self.now_us.saturating_add(self.settings.transaction_timeout_us);
        self.set_deadline(call_at, deadline);
    }

    fn bye(&mut self, ids: &Digest, sink: &mut impl EventSink) {
        let Some((leg_at, by)) = self.find_dialog(ids) else {
            self.counters.unmatched += 1;
            return;
        };
        let call_at = self.legs[leg_at].call;
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        match call.phase {
            Phase::Answered => self.finish(call_at, Outcome::Answered, ids.time_us, self.now_us, by, false, sink),
            // A BYE before the answer is allowed to the caller (RFC 3261 section 15).
            Phase::Calling => {
                call.cancel.first(ids.time_us, call.start_us);
                self.finish(call_at, Outcome::Cancelled, ids.time_us, self.now_us, by, false, sink);
            }
            Phase::AwaitingRetry | Phase::Ended | Phase::Free => {}
        }
    }

    /// Moves an answered call's deadline on by its session interval (RFC 4028) or the idle limit.
    fn refresh(&mut self, call_at: u32, digest: &Digest) {
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        if call.phase != Phase::Answered {
            return;
        }
        if digest.session_expires_s > 0 {
            call.session_expires_s = digest.session_expires_s;
        }
        let limit = match call.session_expires_s {
            0 => self.settings.idle_limit_us,
            expires_s => (Micros::from(expires_s) * 1_000_000)
                .saturating_add(self.settings.transaction_timeout_us)
                .min(self.settings.idle_limit_us),
        };
        let deadline = self.now_us.saturating_add(limit);
        self.set_deadline(call_at, deadline);
    }

    fn response(&mut self, ids: &Digest, sink: &mut impl EventSink) {
        let status = ids.status;
        let is_message = ids.kind == DigestKind::MessageResponse;
        let Some(leg_at) = self.legs.find(ids.call_id, ids.from_tag) else {
            // The answer to a re-INVITE by the callee carries the caller's tag in To.
            self.counters.unmatched += 1;
            return;
        };
        let leg = &mut self.legs[leg_at];
        let call_at = leg.call;
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        if call.is_message != is_message {
            return;
        }
        if ids.cseq != leg.cseq {
            if (200..300).contains(&status) {
                self.refresh(call_at, ids);
            }
            return;
        }
        let hop = leg.known_hop(ids.hop);
        // Behind a proxy a failure may be that of one branch; what reaches the caller's side ends the call.
        let reaches_caller = call.first_leg == leg_at && hop <= 1;
        match status {
            100..=199 => {
                if call.phase != Phase::Calling {
                    return;
                }
                if status > 100 {
                    call.provisional.first(ids.time_us, call.start_us);
                }
                if (180..=183).contains(&status) {
                    call.ring.first(ids.time_us, call.start_us);
                }
                if call.cancel == Moment::NEVER {
                    let deadline = self.now_us.saturating_add(self.settings.ring_timeout_us);
                    self.set_deadline(call_at, deadline);
                }
            }
            200..=299 => {
                let tag = ids.to_tag as u32;
                if matches!(call.phase, Phase::Answered | Phase::Ended) {
                    // Another To-tag is another fork of the same call (RFC 3261 section 13.2.2.4).
                    if leg.final_seen & hop.max(1) != 0 && leg.answer_tag == tag {
                        call.retransmissions = call.retransmissions.saturating_add(1);
                    }
                    leg.final_seen |= hop.max(1);
                    return;
                }
                leg.final_seen |= hop.max(1);
                leg.answer_tag = tag;
                call.final_status = status;
                call.last_response = Moment::at(ids.time_us, call.start_us);
                call.answer = Moment::at(ids.time_us, call.start_us);
                if is_message {
                    let now = self.now_us;
                    self.finish(
                        call_at,
                        Outcome::Answered,
                        ids.time_us,
                        now,
                        HangupBy::None,
                        false,
                        sink,
                    );
                    return;
                }
                call.phase = Phase::Answered;
                sink.event(
                    EventKind::Answer,
                    self.now_us,
                    &CallView {
                        call,
                        agent: self.agents.get(call.agent),
                        end: None,
                    },
                );
                self.refresh(call_at, ids);
            }
            300..=699 => {
                if leg.final_seen & hop.max(1) != 0 {
                    call.retransmissions = call.retransmissions.saturating_add(1);
                    return;
                }
                leg.final_seen |= hop.max(1);
                if call.phase != Phase::Calling {
                    return;
                }
                call.auth_challenged |= matches!(status, 401 | 407);
                call.final_status = status;
                if !reaches_caller {
                    return;
                }
                call.last_response = Moment::at(ids.time_us, call.start_us);
                if matches!(status, 300..=399 | 401 | 407 | 422 | 491) {
                    call.phase = Phase::AwaitingRetry;
                    let deadline = self.now_us.saturating_add(self.settings.ring_timeout_us);
                    self.set_deadline(call_at, deadline);
                } else {
                    let now = self.now_us;
                    self.finish(
                        call_at,
                        Outcome::of_status(status),
                        ids.time_us,
                        now,
                        HangupBy::None,
                        false,
                        sink,
                    );
                }
            }
            _ => {}
        }
    }
}
