"""Run the attempts in order of time: who is busy, who picks up, who tries again, who calls back."""

import heapq
from bisect import bisect_right, insort
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from spit.worlds.border.attempts import Manner
from spit.worlds.border.directory import AWAKE
from spit.worlds.border.world import World


class Attempt(NamedTuple):
    """One call about to be made; `start` in seconds from the log's beginning."""

    start: float
    serial: int
    caller: str
    callee: str
    sender: int
    familiar: float
    withheld: bool
    diverted: str | None
    manner: Manner
    tries: int


class Ending(NamedTuple):
    """How a call ended; None where it did not come so far."""

    outcome: str
    ring_s: float | None
    talk_s: float | None
    ended_by: str


class Logged(NamedTuple):
    """An attempt and its end."""

    attempt: Attempt
    ending: Ending


@dataclass(slots=True)
class Exchange:
    """State of the lines while the log runs."""

    world: World
    busy: dict[str, list[float]] = field(default_factory=dict)  # ends of calls in progress, by number
    log: list[Logged] = field(default_factory=list)
    later: list[Attempt] = field(default_factory=list)
    serial: int = 0

    def run(self) -> list[Logged]:
        """Make all calls of the book and those that follow from them."""
        book = self.world.book
        start = np.concatenate(book.start)
        sender = np.concatenate(book.sender).tolist()
        familiar = np.concatenate(book.familiar).tolist()
        manner = np.concatenate(book.manner).tolist()
        for i in np.argsort(start, kind="stable").tolist():
            self._due(float(start[i]))
            self._make(
                Attempt(
                    float(start[i]),
                    i,
                    book.caller[i],
                    book.callee[i],
                    sender[i],
                    familiar[i],
                    book.withheld[i],
                    book.diverted[i],
                    book.manners[manner[i]],
                    1,
                )
            )
        self._due(book.seconds)
        return self.log

    def _due(self, now: float) -> None:
        while self.later and self.later[0].start <= now:
            self._make(heapq.heappop(self.later))

    def _make(self, attempt: Attempt) -> None:
        attempt = self._forwarded(attempt)
        ending = self._end(attempt)
        self.log.append(Logged(attempt, ending))
        held = (ending.ring_s or 0.0) + (ending.talk_s or 0.0)
        if held > 0.0:
            for number in (attempt.callee, attempt.caller):
                insort(self.busy.setdefault(number, []), attempt.start + held)
        if ending.outcome != "answered" and attempt.manner.method == "INVITE":
            self._follow(attempt, ending, attempt.start + held)

    def _forwarded(self, attempt: Attempt) -> Attempt:
        """Let some calls to people who kept an old number elsewhere arrive through that carrier."""
        world = self.world
        old = world.former.get(attempt.callee)
        if old is None or attempt.diverted is not None or world.rng.random() > 0.4:
            return attempt
        return attempt._replace(diverted=world.directory.number[old], sender=world.directory.sender[old])

    def _occupied(self, number: str, now: float) -> int:
        ends = self.busy.get(number)
        if not ends:
            return 0
        del ends[: bisect_right(ends, now)]
        return len(ends)

    def _spread(self, median: float, sigma: float) -> float:
        return float(median * np.exp(sigma * self.world.rng.standard_normal()))

    def _end(self, attempt: Attempt) -> Ending:
        """Decide how a call ends."""
        rng, manner, world = self.world.rng, attempt.manner, self.world
        trunk = world.network.trunks[world.network.senders[attempt.sender].trunk]
        if manner.forced:
            drawn = rng.random()
            for outcome, chance in manner.forced:
                drawn -= chance
                if drawn < 0.0:
                    return Ending(outcome, None, None, "none")
        chance = rng.random()
        if chance < trunk.failure:
            return Ending("failed", None, None, "none")
        if chance < trunk.failure + trunk.challenge:
            return Ending("unauthorized", None, None, "none")
        line = world.directory.index.get(attempt.callee)
        if line is None:
            if not world.plan.in_use_elsewhere(attempt.callee):
                short = len(attempt.callee) < 9
                return Ending("incomplete" if short else "not_found", None, None, "none")
            # A customer of another carrier about whom the log says nothing else: anybody will do.
            line = int(world.others[hash_index(attempt.callee, world.others.size)])
        if manner.method == "MESSAGE":
            refused = rng.random() < world.directory.off[line]
            return Ending("no_answer" if refused else "answered", None, None if refused else 0.0, "none")
        return self._ring(attempt, line)

    def _ring(self, attempt: Attempt, line: int) -> Ending:
        rng, manner, book = self.world.rng, attempt.manner, self.world.directory
        setting = self.world.setting
        mailbox_s = book.mailbox_s[line]
        has_mailbox = mailbox_s < 1e6
        if rng.random() < book.off[line]:
            return self._mailbox(attempt, 0.3) if has_mailbox else Ending("no_answer", None, None, "none")
        if attempt.familiar < 0.5 and rng.random() < book.screen[line] * (1.2 if attempt.withheld else 1.0):
            return Ending("unwanted" if rng.random() < 0.3 else "declined", 0.2, None, "callee")
        if self._occupied(attempt.callee, attempt.start) >= book.capacity[line]:
            if has_mailbox and rng.random() < 0.5:
                return self._mailbox(attempt, 0.5)
            return Ending("busy", None, None, "none")
        patience = self._spread(manner.patience_s, manner.patience_sigma)
        pickup = attempt.familiar * book.known[line] + (1.0 - attempt.familiar) * book.stranger[line]
        if attempt.withheld and attempt.familiar < 0.5:
            pickup *= 0.7
        awake = AWAKE[book.awake[line]][self.world.clock.local_hour(attempt.start)]
        if rng.random() < min(0.98, pickup * manner.appeal) * awake:
            quick = 2.0 if book.capacity[line] > 4 else 1.0
            ring = self._spread(setting.pickup_ring_s / quick, 0.55)
            if ring < min(patience, mailbox_s, setting.network_ring_s):
                return self._talk(attempt, line, ring)
            if patience < min(mailbox_s, setting.network_ring_s):
                return Ending("cancelled", patience, None, "caller")
        elif rng.random() < book.decline[line]:
            after = self._spread(7.0, 0.5)
            if after < min(patience, mailbox_s):
                if has_mailbox and rng.random() < 0.6:
                    return self._mailbox(attempt, after)
                return Ending("declined", after, None, "callee")
        if patience < min(mailbox_s, setting.network_ring_s):
            return Ending("cancelled", patience, None, "caller")
        if has_mailbox and mailbox_s < setting.network_ring_s:
            return self._mailbox(attempt, mailbox_s)
        return Ending("no_answer", setting.network_ring_s, None, "none")

    def _mailbox(self, attempt: Attempt, ring: float) -> Ending:
        manner = attempt.manner
        ring += float(self.world.rng.exponential(0.15))  # timers are fixed, networks are not
        if manner.message_s > 0.0:
            return Ending("answered", ring, min(self._spread(manner.message_s, 0.5), 180.0), "caller")
        return Ending("answered", ring, self._spread(3.5, 0.6), "caller")

    def _talk(self, attempt: Attempt, line: int, ring: float) -> Ending:
        manner, rng = attempt.manner, self.world.rng
        if rng.random() < manner.interest:
            talk = self._spread(manner.talk_s, manner.talk_sigma) * self.world.directory.talk[line]
            side = "caller" if rng.random() < manner.caller_ends else "callee"
            if talk > manner.limit_s:
                return Ending("answered", ring, manner.limit_s, "none")
            return Ending("answered", ring, max(talk, 0.6), side)
        brief = self._spread(manner.brief_s, manner.brief_sigma)
        return Ending("answered", ring, max(brief, 0.4), "callee" if rng.random() < 0.9 else "caller")

    def _follow(self, attempt: Attempt, ending: Ending, now: float) -> None:
        """Schedule another try by the caller, or a return call by the one who missed it."""
        rng, manner, book = self.world.rng, attempt.manner, self.world.directory
        hopeful = ending.outcome not in ("not_found", "incomplete", "unwanted")
        if hopeful and attempt.tries < manner.tries and rng.random() < manner.redial:
            after = self._spread(manner.redial_after_s, 0.8)
            again = attempt._replace(start=now + after, serial=self._next(), tries=attempt.tries + 1)
            heapq.heappush(self.later, again)
            return
        line = book.index.get(attempt.callee)
        missed = ending.outcome in ("cancelled", "no_answer", "busy") and (ending.ring_s or 0.0) > 1.0
        if line is None or not missed or attempt.withheld or attempt.caller == attempt.callee:
            return
        curiosity = book.returns[line] * manner.returnable * (0.5 + attempt.familiar)
        if rng.random() < curiosity:
            private = attempt.familiar > 0.5
            back = Manner(
                kind=manner.kind if private and not manner.spam else "call_back",
                talk_s=80.0 * self.world.setting.talk_scale if private else 45.0,
                redial=0.2,
                tries=2,
            )
            heapq.heappush(
                self.later,
                Attempt(
                    now + self._spread(400.0, 1.4),
                    self._next(),
                    attempt.callee,
                    attempt.caller,
                    book.sender[line],
                    attempt.familiar,
                    False,
                    None,
                    back,
                    1,
                ),
            )

    def _next(self) -> int:
        self.serial += 1
        return 10**9 + self.serial


def hash_index(number: str, size: int) -> int:
    """A stable index for a number, so that a stranger behaves alike whenever he is called."""
    return int(number[1:] or 0) * 2654435761 % size
