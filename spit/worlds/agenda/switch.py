"""The operator's switch: runs the agents in time order and decides what becomes of each call."""

import heapq
import itertools
import math
from collections.abc import Callable
from typing import Protocol

from spit.worlds.agenda.attempt import Attempt, Result
from spit.worlds.agenda.clock import Clock
from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.lines import Line, person_line
from spit.worlds.agenda.numbering import NumberPlan
from spit.worlds.agenda.records import Row
from spit.worlds.agenda.reputation import Reputation
from spit.worlds.agenda.settings import Operator
from spit.worlds.agenda.signing import sign


class Actor(Protocol):
    """An agent: acts at a moment and says when it wants to act next, None for never."""

    def act(self, now_s: float, switch: "Switch") -> float | None: ...


Missed = Callable[[float, Attempt, Line], None]

_DEAD_ANSWERS = ((404, "not_found"), (404, "not_found"), (484, "incomplete"), (480, "no_answer"))


class Switch:
    """Lines, the calendar of agents and the log."""

    def __init__(self, dice: Dice, operator: Operator, clock: Clock, plan: NumberPlan) -> None:
        self.dice = dice
        self.operator = operator
        self.clock = clock
        self.plan = plan
        self.lines: dict[str, Line] = {}
        self.rows: list[Row] = []
        self.missed: Missed | None = None
        self._dead: set[str] = set()
        self._reputation = Reputation(dice, operator)
        self._calendar: list[tuple[float, int, Actor]] = []
        self._order = itertools.count()
        # What this operator says for a number nobody has, besides 404.
        self._dead_answer = dice.pick(_DEAD_ANSWERS)
        self._dead_mixed = dice.between((0.0, 0.4))

    def schedule(self, at_s: float, actor: Actor) -> None:
        """Let the agent act at the moment, if that is within the recording."""
        if at_s < self.clock.horizon_s:
            heapq.heappush(self._calendar, (max(at_s, 0.0), next(self._order), actor))

    def run(self) -> None:
        """Run every agent to the end of the recording."""
        while self._calendar:
            now, _, actor = heapq.heappop(self._calendar)
            again = actor.act(now, self)
            if again is not None:
                self.schedule(again, actor)

    def place(self, now_s: float, attempt: Attempt) -> Result:
        """Set up one call, log it and tell its caller what happened."""
        line, diverted = self._route(attempt.callee)
        pdd = self.dice.lognormal(attempt.identity.trunk.pdd_s, 0.45)
        if attempt.method == "MESSAGE":
            return self._message(now_s, attempt, line, pdd)
        refusal = self._refusal(attempt, line)
        if line is None or refusal is not None:
            status, outcome = refusal or self._dead_answer
            self._log(now_s, attempt, attempt.callee, diverted, outcome, status, pdd)
            return Result(outcome, now_s + pdd)
        result = self._ring(now_s, attempt, line, diverted, pdd)
        if result.outcome in ("no_answer", "cancelled") and self.missed is not None:
            self.missed(result.end_s, attempt, line)
        return result

    def _route(self, callee: str) -> tuple[Line | None, str | None]:
        """The line that rings and the forwarder, if any."""
        line = self.lines.get(callee)
        if (
            line is None
            and callee.startswith("+")
            and callee not in self._dead
            and not self.plan.mine(callee)
        ):
            # Somebody else's subscriber: found out only when first called.
            if self.dice.chance(0.6):
                line = person_line(self.dice, self.operator, callee, mobile=self.dice.chance(0.6))
                self.lines[callee] = line
            else:
                self._dead.add(callee)
        if line is None or line.diverts_to is None:
            return line, None
        target = self.lines.get(line.diverts_to)
        if target is not None and target.diverts_to is None:
            return target, line.number
        return line, None

    def _refusal(self, attempt: Attempt, line: Line | None) -> tuple[int, str] | None:
        """A final answer before anything rings."""
        dice = self.dice
        trunk = attempt.identity.trunk
        if dice.chance(trunk.loss):
            return dice.pick(((503, "failed"), (503, "failed"), (408, "failed"), (500, "failed")))
        if trunk.challenge and dice.chance(0.004):
            return dice.pick(((401, "unauthorized"), (403, "unauthorized")))
        if not attempt.authorised and dice.chance(0.75):
            return dice.pick(((401, "unauthorized"), (401, "unauthorized"), (403, "unauthorized")))
        if line is None:
            return (404, "not_found") if not dice.chance(self._dead_mixed) else self._dead_answer
        if line.screened and not attempt.friend and self._reputation.blocked(attempt.identity.caller):
            return dice.pick(((607, "unwanted"), (607, "unwanted"), (603, "declined")))
        return None

    def _ring(self, now: float, attempt: Attempt, line: Line, diverted: str | None, pdd: float) -> Result:
        """Busy, ringing, answer or not."""
        dice = self.dice
        logit = (line.friend_logit if attempt.friend else line.stranger_logit) + attempt.trust
        if line.occupied(now) or dice.chance(self.operator.hidden_busy):
            if not (line.waiting and dice.chance(0.6)):
                if line.voicemail_s is not None and dice.chance(0.5):
                    return self._voicemail(now, attempt, line, diverted, pdd, dice.between((0.05, 1.0)))
                self._log(now, attempt, line.number, diverted, "busy", 486, pdd)
                return Result("busy", now + pdd)
            logit -= 1.5
        if dice.chance(min(0.7, line.off)):
            if line.voicemail_s is not None:
                return self._voicemail(now, attempt, line, diverted, pdd, dice.between((0.05, 2.0)))
            self._log(now, attempt, line.number, diverted, "no_answer", 480, pdd)
            return Result("no_answer", now + pdd)
        if line.sort != "premium":
            logit += 1.3 * math.log(min(1.0, max(0.1, 1.6 * self.clock.awake(now, line.rhythm))))
        if not attempt.friend:
            if attempt.identity.caller == "anonymous":
                logit -= 0.5
            if self._reputation.labelled(attempt.identity.caller):
                logit -= self._reputation.deterrent
        pickup = dice.lognormal(line.ring_s, 0.45)
        willing = dice.uniform() < 1.0 / (1.0 + math.exp(-logit))
        limit = self.operator.no_answer_s
        if willing and pickup <= min(attempt.patience_s, line.voicemail_s or limit):
            return self._talk(now, attempt, line, diverted, pdd, pickup)
        glance = dice.lognormal(4.5, 0.5)
        if (
            not willing
            and glance < attempt.patience_s
            and dice.chance(line.declines * (0.4 if attempt.friend else 1))
        ):
            if line.voicemail_s is not None and dice.chance(0.6):
                return self._voicemail(now, attempt, line, diverted, pdd, glance)
            status = dice.pick((603, 603, 486))
            outcome = "declined" if status == 603 else "busy"
            self._log(now, attempt, line.number, diverted, outcome, status, pdd, glance, ender="callee")
            return Result(outcome, now + pdd + glance)
        if attempt.patience_s <= min(line.voicemail_s or limit, limit):
            ring = attempt.patience_s
            self._log(now, attempt, line.number, diverted, "cancelled", 487, pdd, ring, ender="caller")
            return Result("cancelled", now + pdd + ring)
        if line.voicemail_s is not None:
            return self._voicemail(now, attempt, line, diverted, pdd, line.voicemail_s)
        self._log(now, attempt, line.number, diverted, "no_answer", dice.pick((480, 480, 408)), pdd, limit)
        return Result("no_answer", now + pdd + limit)

    def _talk(
        self, now: float, attempt: Attempt, line: Line, diverted: str | None, pdd: float, ring: float
    ) -> Result:
        """A person (or a menu) answered."""
        dice = self.dice
        talk = attempt.talk
        if dice.chance(talk.abandon):
            return self._answered(
                now, attempt, line, diverted, (pdd, ring, dice.between((0.3, 3.0))), "caller", False
            )
        engaged = dice.chance(talk.engage)
        if engaged:
            duration = dice.lognormal(talk.stay_s, talk.spread)
            ender = "caller" if dice.chance(talk.caller_ends) else "callee"
        else:
            duration = dice.lognormal(talk.brush_s, 0.8)
            ender = "callee" if dice.chance(0.85) else "caller"
            if not attempt.friend:
                self._reputation.heard(attempt.identity.caller)
        if talk.script_s is not None and duration > talk.script_s:
            duration = talk.script_s * (1.0 + 0.01 * abs(dice.normal()))
            ender = "caller"
        return self._answered(
            now, attempt, line, diverted, (pdd, ring, min(duration, 14_400.0)), ender, engaged
        )

    def _voicemail(
        self, now: float, attempt: Attempt, line: Line, diverted: str | None, pdd: float, ring: float
    ) -> Result:
        """The mailbox answers; the caller leaves a message or hangs up during the greeting."""
        dice = self.dice
        message = attempt.talk.message_s
        if message:
            duration = dice.between((4.0, 16.0)) + dice.lognormal(message, 0.25)
        else:
            duration = dice.lognormal(3.5, 0.6)
        answered = self._answered(now, attempt, line, diverted, (pdd, ring, duration), "caller", False)
        return Result("answered", answered.end_s, human=False)

    def _answered(
        self,
        now: float,
        attempt: Attempt,
        line: Line,
        diverted: str | None,
        times: tuple[float, float, float],
        ender: str,
        engaged: bool,
    ) -> Result:
        """Log an answered call and keep both lines busy; times are pdd, ring and duration."""
        pdd, ring, duration = times
        end = now + pdd + ring + duration
        line.occupy(end)
        own = self.lines.get(attempt.identity.caller)
        if own is not None and own.identity is attempt.identity:
            own.occupy(end)
        self._log(now, attempt, line.number, diverted, "answered", 200, pdd, ring, duration, ender)
        return Result("answered", end, human=True, engaged=engaged)

    def _message(self, now: float, attempt: Attempt, line: Line | None, delay: float) -> Result:
        """A SIP MESSAGE is delivered, stored or refused; nothing rings."""
        refusal = self._refusal(attempt, line)
        if refusal is None and line is not None and self.dice.chance(line.off):
            refusal = (480, "no_answer")
        status, outcome = refusal if refusal is not None else (200, "answered")
        if outcome == "answered" and not self.dice.chance(attempt.talk.engage):
            self._reputation.heard(attempt.identity.caller)
        self._log(now, attempt, attempt.callee, None, outcome, status, delay)
        return Result(outcome, now + delay, human=outcome == "answered", engaged=outcome == "answered")

    def _log(
        self,
        now: float,
        attempt: Attempt,
        callee: str,
        diverted: str | None,
        outcome: str,
        status: int,
        pdd: float,
        ring: float | None = None,
        duration: float | None = None,
        ender: str = "none",
    ) -> None:
        """Write the row, unless the call leaves the part of the network that the log sees."""
        dice = self.dice
        if callee.startswith("+") and not self.operator.outgoing_seen and not self.plan.mine(callee):
            return
        identity = attempt.identity
        trunk = identity.trunk
        passport = sign(dice, self.operator, identity)
        lost = 0
        while lost < 6 and dice.chance(0.35 if lost else trunk.retransmits + (0.4 if status == 408 else 0.0)):
            lost += 1
        purpose = attempt.purpose
        delay = round(pdd + 0.5 * (2**lost - 1), 3)
        self.rows.append(
            Row(
                now,
                attempt.method,
                identity.caller,
                callee,
                identity.address or dice.pick(trunk.addresses),
                trunk.destination,
                trunk.transport,
                None if trunk.strips_agent else identity.equipment.user_agent,
                trunk.rewrites or identity.equipment.fingerprint,
                identity.asserted,
                *passport,
                diverted,
                outcome,
                status,
                ring,
                None if ring is None else delay,
                delay + (ring or 0.0) if outcome == "answered" else None,
                duration,
                ender,
                lost,
                2 if dice.chance(trunk.two_legs) else 1,
                purpose.spam,
                purpose.kind,
                purpose.strength,
                purpose.campaign,
            )
        )
