//! The call tracker: which message belongs to which call, and what it changes there.

use hashbrown::HashMap;

use super::attempt::{self, Parties};
use super::digest::{Digest, DigestKind, Digester};
use super::event::{CallView, EndFacts, EventKind, EventSink, HangupBy, Outcome};
use super::settings::{IdentitySettings, TrackSettings};
use super::state::{Call, Leg, Moment, Phase, TextBuilder, Texts, NONE};
use super::timers::{Timer, Timers};
use crate::decode::Seen;
use crate::sip::header::HeaderId;
use crate::sip::message::{Head, HeaderTable, Message};
use crate::Micros;

/// What became of messages and calls, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
}

/// Tracks calls from messages in the order of their capture.
#[derive(Debug)]
pub struct Tracker {
    settings: TrackSettings,
    digester: Digester,
    table: HeaderTable,
    identity: IdentitySettings,
    calls: Vec<Option<Call>>,
    free_calls: Vec<u32>,
    legs: Vec<Leg>,
    free_legs: Vec<u32>,
    by_call_id: HashMap<u64, u32>,
    by_session: HashMap<u64, u32>,
    by_parties: HashMap<u64, u32>,
    timers: Timers,
    texts: TextBuilder,
    scratch: Vec<u8>,
    generation: u32,
    now_us: Micros,
    /// What became of messages and calls.
    pub counters: TrackCounters,
}

impl Tracker {
    /// A tracker without calls.
    pub fn new(settings: TrackSettings, identity: IdentitySettings) -> Tracker {
        Tracker {
            digester: Digester::new(settings.hash_seed),
            table: HeaderTable::default(),
            settings,
            identity,
            calls: Vec::new(),
            free_calls: Vec::new(),
            legs: Vec::new(),
            free_legs: Vec::new(),
            by_call_id: HashMap::new(),
            by_session: HashMap::new(),
            by_parties: HashMap::new(),
            timers: Timers::default(),
            texts: TextBuilder::default(),
            scratch: Vec::new(),
            generation: 0,
            now_us: Micros::MIN,
            counters: TrackCounters::default(),
        }
    }

    /// Calls kept, ended ones that absorb retransmissions among them.
    pub fn len(&self) -> usize {
        self.calls.len() - self.free_calls.len()
    }

    /// Whether no call is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes one message. Calls whose time ran out before it are ended first.
    #[inline]
    pub fn track(&mut self, message: &Message<'_>, seen: &Seen, sink: &mut impl EventSink) {
        if let Some(digest) = self.digester.digest(message, seen) {
            self.take(&digest, message.bytes(), seen, sink);
        }
    }

    /// Takes one message as its digest; `bytes` are the whole message, which only an attempt needs.
    #[inline]
    pub fn take(&mut self, digest: &Digest, bytes: &[u8], seen: &Seen, sink: &mut impl EventSink) {
        self.now_us = self.now_us.max(seen.time_us);
        self.expire(sink);
        match digest.kind {
            DigestKind::Invite | DigestKind::Message => self.request(digest, bytes, seen, sink),
            DigestKind::Cancel => self.cancel(digest, seen),
            DigestKind::Bye => self.bye(digest, seen, sink),
            DigestKind::InDialog => {
                // A message inside a dialog shows that the call goes on.
                if let Some((leg_at, _)) = self.find_dialog(digest) {
                    self.refresh(self.legs[leg_at as usize].call, digest);
                }
            }
            DigestKind::InviteResponse | DigestKind::MessageResponse => self.response(digest, seen, sink),
            DigestKind::Untrackable => self.counters.untrackable += 1,
        }
    }

    /// Looks at what the next few messages will need, so that the memory behind them is fetched at the same time and
    /// not one message after the other. Changes nothing.
    pub fn look_ahead<'a>(&self, digests: impl Iterator<Item = &'a Digest>) {
        for digest in digests {
            if let Some(leg) = self
                .by_call_id
                .get(&digest.call_id)
                .and_then(|at| self.legs.get(*at as usize))
            {
                let phase = self.calls[leg.call as usize].as_ref().map(|call| call.phase);
                std::hint::black_box((leg.cseq, phase));
            }
        }
    }

    /// Goes on to a time without a message: calls whose time ran out are ended.
    pub fn advance(&mut self, now_us: Micros, sink: &mut impl EventSink) {
        self.now_us = self.now_us.max(now_us);
        self.expire(sink);
    }

    /// Ends tracking: every call that goes on is given as incomplete, or answered with a censored duration.
    pub fn flush(&mut self, sink: &mut impl EventSink) {
        let mut open: Vec<(Micros, u32)> = self
            .calls
            .iter()
            .enumerate()
            .filter_map(|(at, call)| call.as_ref().map(|c| (c.start_us, c.phase, at as u32)))
            .filter(|(_, phase, _)| *phase != Phase::Ended)
            .map(|(start, _, at)| (start, at))
            .collect();
        open.sort_unstable();
        for (_, at) in open {
            self.give_up(at, self.now_us, Outcome::Incomplete, sink);
        }
    }

    // ---- requests -------------------------------------------------------------------------------------------

    fn request(&mut self, ids: &Digest, bytes: &[u8], seen: &Seen, sink: &mut impl EventSink) {
        let Some(leg_at) = self.find_leg(ids.call_id, ids.from_tag) else {
            self.first_request(ids, bytes, seen, sink);
            return;
        };
        let leg = &mut self.legs[leg_at as usize];
        let call_at = leg.call;
        let Some(call) = self.calls[call_at as usize].as_mut() else {
            return;
        };
        let (hop, new_hop) = leg.hop(ids.hop);
        if ids.cseq < leg.cseq {
            call.retransmissions += 1;
            return;
        }
        if ids.cseq == leg.cseq {
            if leg.invite_seen & hop == 0 {
                // The same INVITE behind a proxy: another Via, the same attempt.
                leg.invite_seen |= hop;
                call.hops = call.hops.saturating_add(u16::from(new_hop));
                return;
            }
            let reused = call.phase == Phase::Ended && hop == 1 && ids.branch != leg.branch;
            if !reused {
                call.retransmissions += 1;
                return;
            }
        } else if matches!(call.phase, Phase::Calling | Phase::AwaitingRetry) && call.cancel_us == Moment::NEVER {
            // Another try after 401, 407, 422, 491 or 3xx (or a final response that was lost): the same attempt.
            leg.next_transaction(ids.cseq, ids.branch);
            leg.invite_seen = hop;
            call.phase = Phase::Calling;
            call.final_status = 0;
            call.final_us = Moment::NEVER;
            let deadline = self.now_us.saturating_add(self.settings.transaction_timeout_us);
            self.set_deadline(call_at, deadline);
            return;
        }
        // The Call-ID is used again: another epoch of it, another call.
        self.give_up(call_at, self.now_us, Outcome::Incomplete, sink);
        self.release(call_at);
        self.first_request(ids, bytes, seen, sink);
    }

    fn first_request(&mut self, ids: &Digest, bytes: &[u8], seen: &Seen, sink: &mut impl EventSink) {
        let mut table = std::mem::take(&mut self.table);
        if let Ok(head) = Head::parse(bytes, &mut table) {
            let message = head.with_body(bytes, bytes.len(), &table);
            self.first_message(ids, &message, seen, sink);
        }
        self.table = table;
    }

    fn first_message(&mut self, ids: &Digest, message: &Message<'_>, seen: &Seen, sink: &mut impl EventSink) {
        let is_message = ids.kind == DigestKind::Message;
        let parties = Parties::of(message, seen, &self.identity);
        let session = self.digester.session(message);
        let both = match (&parties.caller, &parties.callee) {
            (Some(caller), Some(callee)) => self.digester.hash2(caller, callee),
            _ => 0,
        };
        if let Some(call_at) = self.find_other_side(message, seen, session, both) {
            self.add_leg(call_at, ids);
            if let Some(call) = self.calls[call_at as usize].as_mut() {
                call.hops = call.hops.saturating_add(1);
            }
            self.counters.joined_legs += 1;
            return;
        }
        self.make_room(sink);
        let facts = attempt::read(
            message,
            &parties,
            &self.identity,
            is_message,
            &mut self.texts,
            &mut self.scratch,
        );
        self.generation = self.generation.wrapping_add(1);
        let call = Call {
            texts: self.texts.build(),
            start_us: seen.time_us,
            provisional_us: Moment::NEVER,
            ring_us: Moment::NEVER,
            cancel_us: Moment::NEVER,
            answer_us: Moment::NEVER,
            final_us: Moment::NEVER,
            deadline_us: 0,
            timer_us: Micros::MAX,
            session_expires_us: 0,
            fingerprint: facts.fingerprint,
            session_hash: session,
            parties_hash: both,
            source_ip: seen.source.ip(),
            destination_ip: seen.destination.ip(),
            generation: self.generation,
            first_leg: NONE,
            last_leg: NONE,
            retransmissions: 0,
            final_status: 0,
            hops: 1,
            phase: Phase::Calling,
            transport: seen.transport,
            attestation: facts.attestation,
            exemption: facts.exemption,
            is_message,
            auth_challenged: false,
        };
        let call_at = match self.free_calls.pop() {
            Some(at) => at,
            None => {
                self.calls.push(None);
                (self.calls.len() - 1) as u32
            }
        };
        self.calls[call_at as usize] = Some(call);
        self.add_leg(call_at, ids);
        if session != 0 {
            self.by_session.insert(session, call_at);
        }
        if both != 0 {
            self.by_parties.insert(both, call_at);
        }
        self.counters.attempts += 1;
        let deadline = self.now_us.saturating_add(self.settings.transaction_timeout_us);
        self.set_deadline(call_at, deadline);
        if let Some(call) = &self.calls[call_at as usize] {
            sink.event(EventKind::Attempt, self.now_us, &CallView { call, end: None });
        }
    }

    /// The call of which a new INVITE is the other side of a B2BUA.
    ///
    /// By Session-ID (RFC 7989), by a header that names the first Call-ID, else by the same caller and callee within
    /// a short time. The INVITE must come from elsewhere: a caller can't hide attempts by repeating such a header.
    fn find_other_side(&self, message: &Message<'_>, seen: &Seen, session: u64, both: u64) -> Option<u32> {
        let elsewhere = |at: &u32| {
            self.calls[*at as usize]
                .as_ref()
                .is_some_and(|call| call.phase != Phase::Ended && call.source_ip != seen.source.ip())
        };
        if let Some(at) = self.by_session.get(&session).copied().filter(elsewhere) {
            return Some(at);
        }
        for id in [HeaderId::XCallId, HeaderId::XCid] {
            let named = message
                .header(id)
                .and_then(|v| self.by_call_id.get(&self.digester.hash(v)));
            if let Some(at) = named.map(|leg| self.legs[*leg as usize].call).filter(elsewhere) {
                return Some(at);
            }
        }
        let at = self.by_parties.get(&both).copied().filter(elsewhere)?;
        let age = seen.time_us.saturating_sub(self.calls[at as usize].as_ref()?.start_us);
        (0..=self.settings.leg_join_window_us).contains(&age).then_some(at)
    }

    fn cancel(&mut self, ids: &Digest, seen: &Seen) {
        let Some(leg) = self.find_leg(ids.call_id, ids.from_tag).and_then(|at| {
            let leg = &self.legs[at as usize];
            // A proxy cancels branches of its own behind it; only the caller's CANCEL ends the attempt.
            let first = self.calls[leg.call as usize].as_ref()?.first_leg == at;
            (first && leg.cseq == ids.cseq && leg.known_hop(ids.hop) <= 1).then_some(at)
        }) else {
            self.counters.unmatched += 1;
            return;
        };
        let call_at = self.legs[leg as usize].call;
        let Some(call) = self.calls[call_at as usize].as_mut() else {
            return;
        };
        if call.phase != Phase::Calling {
            return;
        }
        if call.cancel_us != Moment::NEVER {
            call.retransmissions += 1;
            return;
        }
        call.cancel_us = Moment::at(seen.time_us);
        let deadline = self.now_us.saturating_add(self.settings.transaction_timeout_us);
        self.set_deadline(call_at, deadline);
    }

    fn bye(&mut self, ids: &Digest, seen: &Seen, sink: &mut impl EventSink) {
        let Some((leg_at, by)) = self.find_dialog(ids) else {
            self.counters.unmatched += 1;
            return;
        };
        let call_at = self.legs[leg_at as usize].call;
        let Some(call) = self.calls[call_at as usize].as_mut() else {
            return;
        };
        match call.phase {
            Phase::Answered => self.finish(call_at, Outcome::Answered, seen.time_us, self.now_us, by, false, sink),
            // A BYE before the answer is allowed to the caller (RFC 3261 section 15).
            Phase::Calling => {
                call.cancel_us.first(seen.time_us);
                self.finish(call_at, Outcome::Cancelled, seen.time_us, self.now_us, by, false, sink);
            }
            Phase::AwaitingRetry | Phase::Ended => {}
        }
    }

    /// Moves an answered call's deadline on by its session interval (RFC 4028) or the idle limit.
    fn refresh(&mut self, call_at: u32, digest: &Digest) {
        let Some(call) = self.calls[call_at as usize].as_mut() else {
            return;
        };
        if call.phase != Phase::Answered {
            return;
        }
        if digest.session_expires_s > 0 {
            call.session_expires_us = Micros::from(digest.session_expires_s) * 1_000_000;
        }
        let limit = match call.session_expires_us {
            0 => self.settings.idle_limit_us,
            expires => expires
                .saturating_add(self.settings.transaction_timeout_us)
                .min(self.settings.idle_limit_us),
        };
        let deadline = self.now_us.saturating_add(limit);
        self.set_deadline(call_at, deadline);
    }

    // ---- responses ------------------------------------------------------------------------------------------

    fn response(&mut self, ids: &Digest, seen: &Seen, sink: &mut impl EventSink) {
        let status = ids.status;
        let is_message = ids.kind == DigestKind::MessageResponse;
        let Some(leg_at) = self.find_leg(ids.call_id, ids.from_tag) else {
            // The answer to a re-INVITE by the callee carries the caller's tag in To.
            self.counters.unmatched += 1;
            return;
        };
        let leg = &mut self.legs[leg_at as usize];
        let call_at = leg.call;
        let Some(call) = self.calls[call_at as usize].as_mut() else {
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
                    call.provisional_us.first(seen.time_us);
                }
                if (180..=183).contains(&status) {
                    call.ring_us.first(seen.time_us);
                }
                if call.cancel_us == Moment::NEVER {
                    let deadline = self.now_us.saturating_add(self.settings.ring_timeout_us);
                    self.set_deadline(call_at, deadline);
                }
            }
            200..=299 => {
                let tag = ids.to_tag.unwrap_or(0);
                if matches!(call.phase, Phase::Answered | Phase::Ended) {
                    // Another To-tag is another fork of the same call (RFC 3261 section 13.2.2.4).
                    if leg.final_seen & hop.max(1) != 0 && leg.answer_tag == tag {
                        call.retransmissions += 1;
                    }
                    leg.final_seen |= hop.max(1);
                    return;
                }
                leg.final_seen |= hop.max(1);
                leg.answer_tag = tag;
                call.final_status = status;
                call.final_us = Moment::at(seen.time_us);
                call.answer_us = Moment::at(seen.time_us);
                if is_message {
                    let now = self.now_us;
                    self.finish(
                        call_at,
                        Outcome::Answered,
                        seen.time_us,
                        now,
                        HangupBy::None,
                        false,
                        sink,
                    );
                    return;
                }
                call.phase = Phase::Answered;
                sink.event(EventKind::Answer, self.now_us, &CallView { call, end: None });
                self.refresh(call_at, ids);
            }
            300..=699 => {
                if leg.final_seen & hop.max(1) != 0 {
                    call.retransmissions += 1;
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
                call.final_us = Moment::at(seen.time_us);
                if matches!(status, 300..=399 | 401 | 407 | 422 | 491) {
                    call.phase = Phase::AwaitingRetry;
                    let deadline = self.now_us.saturating_add(self.settings.ring_timeout_us);
                    self.set_deadline(call_at, deadline);
                } else {
                    let now = self.now_us;
                    self.finish(
                        call_at,
                        Outcome::of_status(status),
                        seen.time_us,
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

    // ---- ends -----------------------------------------------------------------------------------------------

    /// Ends every call whose deadline has passed, in the order of the deadlines.
    #[inline]
    fn expire(&mut self, sink: &mut impl EventSink) {
        while let Some(timer) = self.timers.pop_due(self.now_us) {
            let Some(call) = self.calls[timer.call as usize].as_mut() else {
                continue;
            };
            if call.generation != timer.generation || call.timer_us != timer.due_us {
                continue;
            }
            call.timer_us = Micros::MAX;
            if call.deadline_us > timer.due_us {
                let deadline = call.deadline_us;
                self.set_deadline(timer.call, deadline);
            } else if call.phase == Phase::Ended {
                self.release(timer.call);
            } else {
                self.give_up(timer.call, timer.due_us, Outcome::NoAnswer, sink);
            }
        }
    }

    /// Ends a call that no message ended; `unknown` is the outcome where nothing is known.
    fn give_up(&mut self, call_at: u32, now_us: Micros, unknown: Outcome, sink: &mut impl EventSink) {
        let Some(call) = self.calls[call_at as usize].as_ref() else {
            return;
        };
        let (outcome, end_us, censored) = match call.phase {
            Phase::Ended => return,
            Phase::Answered => (Outcome::Answered, now_us, true),
            Phase::AwaitingRetry => (
                Outcome::of_status(call.final_status),
                call.final_us.get().unwrap_or(now_us),
                false,
            ),
            Phase::Calling => match (call.cancel_us.get(), call.final_status) {
                (Some(cancel_us), _) => (Outcome::Cancelled, cancel_us, false),
                (None, 0) => (unknown, now_us, false),
                (None, status) => (Outcome::of_status(status), now_us, false),
            },
        };
        self.finish(call_at, outcome, end_us, now_us, HangupBy::None, censored, sink);
    }

    #[allow(clippy::too_many_arguments)]
    fn finish(
        &mut self,
        call_at: u32,
        outcome: Outcome,
        end_us: Micros,
        now_us: Micros,
        hangup_by: HangupBy,
        censored: bool,
        sink: &mut impl EventSink,
    ) {
        let Some(call) = self.calls[call_at as usize].as_mut() else {
            return;
        };
        if call.phase == Phase::Ended {
            return;
        }
        let end = EndFacts {
            end_us,
            outcome,
            hangup_by,
            censored,
        };
        sink.event(EventKind::End, now_us, &CallView { call, end: Some(end) });
        self.counters.ended += 1;
        self.counters.censored += u64::from(censored);
        call.phase = Phase::Ended;
        call.texts = Texts::default();
        let (session, both) = (call.session_hash, call.parties_hash);
        forget(&mut self.by_session, session, call_at);
        forget(&mut self.by_parties, both, call_at);
        let deadline = now_us.saturating_add(self.settings.transaction_timeout_us);
        self.set_deadline(call_at, deadline);
    }

    /// Frees a call that has ended and its legs.
    fn release(&mut self, call_at: u32) {
        let Some(call) = self.calls[call_at as usize].take() else {
            return;
        };
        self.free_calls.push(call_at);
        let mut leg_at = call.first_leg;
        while leg_at != NONE {
            let (call_id, next) = {
                let leg = &self.legs[leg_at as usize];
                (leg.call_id, leg.next_of_call)
            };
            self.unlink(call_id, leg_at);
            self.free_legs.push(leg_at);
            leg_at = next;
        }
    }

    /// Gives up the calls that would end next while there is no room.
    fn make_room(&mut self, sink: &mut impl EventSink) {
        while self.len() >= self.settings.max_calls.max(1) {
            let Some(timer) = self.timers.pop() else {
                return;
            };
            let Some(call) = self.calls[timer.call as usize].as_ref() else {
                continue;
            };
            if call.generation != timer.generation || call.timer_us != timer.due_us {
                continue;
            }
            if call.phase != Phase::Ended {
                self.counters.evicted += 1;
                self.give_up(timer.call, self.now_us, Outcome::Incomplete, sink);
            }
            self.release(timer.call);
        }
    }

    fn set_deadline(&mut self, call_at: u32, deadline_us: Micros) {
        let Some(call) = self.calls[call_at as usize].as_mut() else {
            return;
        };
        call.deadline_us = deadline_us;
        if deadline_us < call.timer_us {
            call.timer_us = deadline_us;
            self.timers.push(Timer {
                due_us: deadline_us,
                call: call_at,
                generation: call.generation,
            });
        }
    }

    // ---- finding --------------------------------------------------------------------------------------------

    fn add_leg(&mut self, call_at: u32, ids: &Digest) {
        let Some(call) = self.calls[call_at as usize].as_mut() else {
            return;
        };
        let mut leg = Leg::new(call_at, ids.call_id, ids.from_tag);
        leg.next_transaction(ids.cseq, ids.branch);
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

    fn unlink(&mut self, call_id: u64, leg_at: u32) {
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
    fn find_leg(&self, call_id: u64, from_tag: u64) -> Option<u32> {
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
    fn find_dialog(&self, ids: &Digest) -> Option<(u32, HangupBy)> {
        if let Some(at) = self.find_leg(ids.call_id, ids.from_tag) {
            return Some((at, HangupBy::Caller));
        }
        let at = self.find_leg(ids.call_id, ids.to_tag?)?;
        Some((at, HangupBy::Callee))
    }
}

fn forget(map: &mut HashMap<u64, u32>, key: u64, call_at: u32) {
    if map.get(&key) == Some(&call_at) {
        map.remove(&key);
    }
}
