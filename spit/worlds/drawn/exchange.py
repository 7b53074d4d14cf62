"""The switch: plays attempts in order of time, records them and lets them set off others."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from spit.worlds.drawn.calls import Attempt, Caller, Chain, Label, Manner, Shown
from spit.worlds.drawn.clock import Clock
from spit.worlds.drawn.draws import Rng, chance, lognormal, pick, span
from spit.worlds.drawn.lines import Directory, Line
from spit.worlds.drawn.network import Network
from spit.worlds.drawn.reaction import Course, react

_RETURN = Label("callback/missed-call")
_RETURN_SPOOFED = Label("callback/number-not-the-callers")
_RETURN_FIRM = Label("callback/queue-to-caller")


class Exchange:
    """Plays attempts until the end of the span; ``rows`` are the recorded calls."""

    def __init__(self, rng: Rng, clock: Clock, network: Network, directory: Directory) -> None:
        self._rng, self._clock, self._network, self._directory = rng, clock, network, directory
        self._queue: list[tuple[float, int, Attempt]] = []
        self._pushed = 0
        self._volume: dict[str, int] = {}
        # Analytics that label numbers by volume, right or wrong; not every operator has them.
        self._blocks = span(rng, (0.0, 0.25)) if chance(rng, 0.6) else 0.0
        self._block_volume = span(rng, (40.0, 600.0))
        self._block_status = pick(rng, (603, 607, 608))
        self._return_delay_s = span(rng, (200.0, 3000.0))
        self._firm_returns = span(rng, (0.02, 0.5))
        self._return_manner = Manner(
            "talk", span(rng, (35.0, 90.0)), 0.9, expected=0.3, redial_busy=0.3, social=True
        )
        self.rows: list[dict[str, Any]] = []

    def run(self, attempts: Iterable[Attempt]) -> None:
        """Play attempts and whatever follows from them."""
        for attempt in attempts:
            self._push(attempt)
        while self._queue:
            time_s, _, attempt = heapq.heappop(self._queue)
            line = attempt.caller.line
            if line is not None and line.occupied(time_s) and not attempt.caller.label.spam:
                # People make one call at a time.
                self._push(replace(attempt, time_s=max(line.busy_until_s) + 2.0 + 40.0 * self._rng.random()))
            else:
                self._play(attempt)

    def _push(self, attempt: Attempt) -> None:
        if 0.0 <= attempt.time_s < self._clock.span_s:
            heapq.heappush(self._queue, (attempt.time_s, self._pushed, attempt))
            self._pushed += 1

    def _play(self, attempt: Attempt) -> None:
        caller, rng = attempt.caller, self._rng
        shown = caller.shown(attempt.callee)
        line = self._directory.find(attempt.callee)
        diverted_by = caller.diverter
        if line is not None and line.forwards_to is not None and line.forwards_to != attempt.callee:
            diverted_by, line = line.number, self._directory.find(line.forwards_to)
        wanted = line is not None and (
            (shown.number in line.known and not shown.withheld) or chance(rng, caller.manner.expected)
        )
        message = chance(rng, caller.messages)
        course = self._record(attempt, shown, line, wanted, diverted_by, message)
        self._volume[shown.number] = self._volume.get(shown.number, 0) + 1
        if attempt.chain is not None:
            self._continue(attempt, attempt.chain, course)
        if not message:
            self._follow(attempt, shown, line, course, wanted)

    def _course(
        self,
        attempt: Attempt,
        shown: Shown,
        line: Line | None,
        wanted: bool,
        fails: float,
        challenges: float,
        message: bool,
    ) -> Course:
        rng, manner = self._rng, attempt.caller.manner
        if chance(rng, manner.denied + challenges):
            return Course("unauthorized", pick(rng, (401, 403, 403, 407)))
        if chance(rng, fails):
            return Course("failed", pick(rng, (503, 503, 500, 502, 408)))
        if line is None:
            if attempt.callee.startswith("+") and len(attempt.callee) < 10:
                return Course("incomplete", 484)
            # Some switches play an announcement before they give up.
            announced = chance(rng, 0.25) and not message
            return Course(
                "not_found",
                pick(rng, (404, 404, 404, 604, 410)),
                4.0 + 9.0 * rng.random() if announced else None,
            )
        volume = self._volume.get(shown.number, 0)
        if not wanted and line.home and chance(rng, self._blocks * volume / (volume + self._block_volume)):
            return Course("unwanted" if self._block_status != 603 else "declined", self._block_status)
        if message:
            return Course("answered", 200)
        return react(rng, manner, line, shown, wanted, attempt.time_s, self._clock.hour(attempt.time_s))

    def _record(
        self,
        attempt: Attempt,
        shown: Shown,
        line: Line | None,
        wanted: bool,
        diverted_by: str | None,
        message: bool,
    ) -> Course:
        rng, network, caller = self._rng, self._network, attempt.caller
        path = caller.entry(shown)
        trunk = path.trunk
        fails = trunk.fails if trunk is not None else network.own_trunk_fails
        challenges = trunk.challenges if trunk is not None else 0.004
        course = self._course(attempt, shown, line, wanted, fails, challenges, message)
        identity = network.identify(rng, path, shown.number, shown.owned, shown.withheld)
        rings = course.ring_s is not None
        pdd = (
            max(0.05, lognormal(rng, trunk.pdd_s if trunk is not None else network.own_pdd_s, 0.45))
            if rings
            else None
        )
        status = course.status
        if course.outcome == "no_answer" and trunk is not None:
            status = trunk.no_answer_status
        resent = (
            int(rng.geometric(0.6)) if chance(rng, trunk.retransmits if trunk is not None else 0.012) else 0
        )
        sender = trunk.border if trunk is not None and trunk.rewrites else path.device
        shows_agent = chance(rng, trunk.keeps_agent if trunk is not None else network.own_agent)
        setup = None
        if course.outcome == "answered" and not message:
            setup = (pdd or 0.0) + (course.ring_s or 0.0)
        doubled = diverted_by is not None or chance(rng, trunk.two_legs if trunk is not None else 0.01)
        kind, spam, strength, campaign = caller.label
        self.rows.append(
            {
                "start_us": self._clock.start_us + int(attempt.time_s * 1e6),
                "call_id": f"{int(rng.integers(2**60)):015x}{len(self.rows):05x}@{path.source_ip}",
                "method": "MESSAGE" if message else "INVITE",
                "caller": "anonymous" if shown.withheld else shown.number,
                "callee": line.number if line is not None else attempt.callee,
                "source_ip": path.source_ip,
                "destination_ip": self._destination(line),
                "transport": path.transport,
                "user_agent": sender.user_agent if shows_agent else None,
                "fingerprint": sender.fingerprint,
                **identity._asdict(),
                "diverted_by": diverted_by,
                "outcome": course.outcome,
                "final_status": status,
                "ring_time_s": course.ring_s,
                "pdd_s": pdd,
                "setup_time_s": setup,
                "duration_s": course.talk_s,
                "hangup_by": course.hangup_by,
                "retransmissions": int(rng.integers(3, 7)) if course.status == 408 and not rings else resent,
                "legs": 2 if doubled else 1,
                "spam": spam,
                "kind": kind,
                "strength": strength,
                "campaign": campaign,
            }
        )
        return course

    def _destination(self, line: Line | None) -> str:
        if line is None:
            return pick(self._rng, self._network.core)
        if line.home and line.path.trunk is None:
            return line.path.source_ip
        return (
            line.path.trunk.gateways[0]
            if line.path.trunk is not None
            else pick(self._rng, self._network.core)
        )

    def _continue(self, attempt: Attempt, chain: Chain, course: Course) -> None:
        following = next(chain.rest, None)
        if following is not None:
            free_s = attempt.time_s + (course.ring_s or 1.0) + (course.talk_s or 0.0)
            gap_s = lognormal(self._rng, chain.gap_s, 0.6)
            self._push(Attempt(free_s + gap_s, attempt.caller, following, chain=chain))

    def _follow(
        self, attempt: Attempt, shown: Shown, line: Line | None, course: Course, wanted: bool
    ) -> None:
        rng, caller, manner = self._rng, attempt.caller, attempt.caller.manner
        end_s = attempt.time_s + (course.ring_s or 1.0) + (course.talk_s or 0.0) + 2.0
        if caller.line is not None:
            caller.line.busy_until_s.append(end_s)
        if line is not None:
            if course.talk_s is not None and not course.missed:
                line.busy_until_s.append(end_s)
            if course.met and not wanted:
                if (course.talk_s or 0.0) > 45.0 and manner.mode == "talk":
                    line.known.add(shown.number)
                else:
                    line.annoyed[shown.number] = line.annoyed.get(shown.number, 0) + 1
        again = (
            manner.redial_busy
            if course.outcome in ("busy", "failed")
            else manner.redial_missed
            if course.missed
            else 0.0
        )
        if attempt.tries < manner.tries and chance(rng, again):
            delay = lognormal(rng, manner.redial_s, 0.7)
            self._push(Attempt(end_s + delay, caller, attempt.callee, attempt.tries + 1))
        elif line is not None and course.outcome in ("busy", "cancelled") and line.role == "queue":
            self._firm_returns_call(line, shown, end_s)
        if course.missed and line is not None and line.role == "person" and line.home:
            self._person_returns_call(line, shown, end_s, wanted)

    def _firm_returns_call(self, firm: Line, shown: Shown, end_s: float) -> None:
        if shown.withheld or not chance(self._rng, self._firm_returns):
            return
        manner = Manner("talk", 120.0, 0.9, expected=0.8, message=0.5)
        caller = Caller(_RETURN_FIRM, lambda _: Shown(firm.number), lambda _: firm.path, manner)
        self._push(Attempt(end_s + lognormal(self._rng, 1800.0, 1.0), caller, shown.number))

    def _person_returns_call(self, line: Line, shown: Shown, end_s: float, wanted: bool) -> None:
        if shown.withheld or not chance(self._rng, line.returns if wanted else line.curiosity):
            return
        manner = replace(self._return_manner, expected=0.9) if wanted else self._return_manner
        label = _RETURN if shown.owned else _RETURN_SPOOFED
        caller = Caller(label, lambda _: Shown(line.number), lambda _: line.path, manner, line)
        self._push(Attempt(end_s + lognormal(self._rng, self._return_delay_s, 1.2), caller, shown.number))
