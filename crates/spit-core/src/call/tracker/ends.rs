//! How calls end: by a message, by their deadline, by the memory bound, by the end of the capture.

use super::super::event::{CallView, EndFacts, EventKind, EventSink, HangupBy, Outcome};
use super::super::state::{Phase, NONE};
use super::super::texts::Texts;
use super::super::timers::Timer;
use super::Tracker;
use crate::Micros;

/// Timers per call: deadlines that come nearer again and again leave outdated ones behind.
pub const MAX_TIMERS_PER_CALL: usize = 4;
/// Timers beside those before outdated ones are looked for.
pub const SPARE_TIMERS: usize = 4096;

impl Tracker {
    /// Ends every call whose deadline has passed, in the order of the deadlines.
    #[inline]
    pub(super) fn expire(&mut self, sink: &mut impl EventSink) {
        while let Some(timer) = self.timers.pop_due(self.now_us) {
            let Some(call) = self.calls.get_mut(timer.call) else {
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
    pub(super) fn give_up(&mut self, call_at: u32, now_us: Micros, unknown: Outcome, sink: &mut impl EventSink) {
        let Some(call) = self.calls.get(call_at) else {
            return;
        };
        let (outcome, end_us, censored) = match call.phase {
            Phase::Ended | Phase::Free => return,
            Phase::Answered => (Outcome::Answered, now_us, true),
            Phase::AwaitingRetry => (
                Outcome::of_status(call.final_status),
                call.last_response.get(call.start_us).unwrap_or(now_us),
                false,
            ),
            Phase::Calling => match (call.cancel.get(call.start_us), call.final_status) {
                (Some(cancel_us), _) => (Outcome::Cancelled, cancel_us, false),
                (None, 0) => (unknown, now_us, false),
                (None, status) => (Outcome::of_status(status), now_us, false),
            },
        };
        self.finish(call_at, outcome, end_us, now_us, HangupBy::None, censored, sink);
    }

    #[allow(clippy::too_many_arguments)]
    pub(super) fn finish(
        &mut self,
        call_at: u32,
        outcome: Outcome,
        end_us: Micros,
        now_us: Micros,
        hangup_by: HangupBy,
        censored: bool,
        sink: &mut impl EventSink,
    ) {
        let Some(call) = self.calls.get_mut(call_at) else {
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
        let agent = self.agents.get(call.agent);
        let end = Some(end);
        sink.event(EventKind::End, now_us, &CallView { call, agent, end });
        self.counters.ended += 1;
        self.counters.censored += u64::from(censored);
        call.phase = Phase::Ended;
        call.texts = Texts::default();
        self.agents.release(std::mem::replace(&mut call.agent, NONE));
        let session = call.session_hash;
        if session != 0 && self.by_session.get(&session) == Some(&call_at) {
            self.by_session.remove(&session);
        }
        let deadline = now_us.saturating_add(self.settings.transaction_timeout_us);
        self.set_deadline(call_at, deadline);
    }

    /// Frees a call that has ended and its legs.
    pub(super) fn release(&mut self, call_at: u32) {
        let Some(call) = self.calls.get(call_at) else {
            return;
        };
        let mut leg_at = call.first_leg;
        // As for the texts, see `Calls::free`.
        if call.phase != Phase::Ended {
            self.agents.release(call.agent);
        }
        self.calls.free(call_at);
        while leg_at != NONE {
            let next = self.legs[leg_at].next_of_call;
            self.legs.free(leg_at);
            leg_at = next;
        }
    }

    /// Gives up the calls that would end next while there is no room.
    pub(super) fn make_room(&mut self, sink: &mut impl EventSink) {
        while self.len() >= self.settings.max_calls.max(1) {
            let Some(timer) = self.timers.pop() else {
                return;
            };
            let Some(call) = self.calls.get(timer.call) else {
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

    pub(super) fn set_deadline(&mut self, call_at: u32, deadline_us: Micros) {
        let Some(call) = self.calls.get_mut(call_at) else {
            return;
        };
        // `Micros::MAX` stands for no timer.
        let deadline_us = deadline_us.min(Micros::MAX - 1);
        call.deadline_us = deadline_us;
        if deadline_us < call.timer_us {
            call.timer_us = deadline_us;
            self.timers.push(Timer {
                due_us: deadline_us,
                call: call_at,
                generation: call.generation,
            });
            if self.timers.len() > MAX_TIMERS_PER_CALL * self.calls.len() + SPARE_TIMERS {
                let calls = &self.calls;
                self.timers.retain(|timer| {
                    calls
                        .get(timer.call)
                        .is_some_and(|call| call.generation == timer.generation && call.timer_us == timer.due_us)
                });
            }
        }
    }
}
