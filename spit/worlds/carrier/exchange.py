"""The switch: calls in order of time, their outcomes and what they set off."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from spit.worlds.carrier.attempts import Attempt, Label, Style
from spit.worlds.carrier.clock import Clock
from spit.worlds.carrier.draws import Rng, chance, lognormal, pick, uniform
from spit.worlds.carrier.lines import Directory, Line
from spit.worlds.carrier.network import Network
from spit.worlds.carrier.records import Record
from spit.worlds.carrier.ringing import Course, ring
from spit.worlds.carrier.sender import Origins
from spit.worlds.carrier.signing import identify

RETURN = Label("missed_call_return")


class Exchange:
    """Plays attempts and records the calls."""

    def __init__(
        self, rng: Rng, clock: Clock, network: Network, directory: Directory, origins: Origins
    ) -> None:
        self._rng = rng
        self._clock = clock
        self._network = network
        self._directory = directory
        self._origins = origins
        self._seen_numbers: dict[str, int] = {}
        self._queue: list[tuple[float, int, Attempt]] = []
        self._order = 0
        self.records: list[Record] = []
        # Missed calls from known people are often returned by message instead.
        self._returns_known = uniform(rng, 0.06, 0.22)
        self._return_delay_s = uniform(rng, 300.0, 2400.0)
        self._return_style = Style(
            talk_s=uniform(rng, 40.0, 90.0), reject=0.6, redial_busy=0.35, redial_s=90.0, redial_missed=0.12
        )
        # Since 2025 US analytics blocks are to be told by 603 with a reason; 607 and 608 remain in use.
        self._block_status = pick(rng, (607, 607, 603))
        self._analytics_volume = uniform(rng, 20.0, 300.0)

    def run(self, attempts: Iterable[Attempt]) -> list[Record]:
        """Play all attempts and whatever follows from them within the span."""
        for attempt in attempts:
            self._push(attempt)
        while self._queue:
            time_s, _, attempt = heapq.heappop(self._queue)
            origin = attempt.origin
            if origin is not None and attempt.method == "INVITE" and origin.occupied(time_s):
                free_s = max(origin.slots_until_s)
                self._push(attempt.later(free_s + uniform(self._rng, 2.0, 60.0)))
            else:
                self._play(attempt)
        return self.records

    def _push(self, attempt: Attempt) -> None:
        if 0.0 <= attempt.time_s < self._clock.span_s:
            heapq.heappush(self._queue, (attempt.time_s, self._order, attempt))
            self._order += 1

    def _blocked(self, attempt: Attempt, line: Line) -> bool:
        """Analytics in the callee's network judge the number by its volume, right or wrong."""
        volume = self._seen_numbers.get(attempt.number, 0)
        return line.screens > 0.0 and chance(
            self._rng, 0.6 * line.screens * volume / (volume + self._analytics_volume)
        )

    def _play(self, attempt: Attempt) -> None:
        rng, number = self._rng, attempt.number
        line = self._directory.find(attempt.callee)
        diverted_by: str | None = None
        if line is not None and line.forwards_to is not None and attempt.callee != line.forwards_to:
            diverted_by, line = line.number, self._directory.find(line.forwards_to)
        wanted = line is not None and (number in line.known or chance(rng, attempt.style.expected))
        course = self._course(attempt, line, wanted)
        self._seen_numbers[number] = self._seen_numbers.get(number, 0) + 1
        self._write(attempt, line, course, diverted_by)
        if attempt.method == "INVITE":
            self._occupy(attempt, line, course)
            self._follow(attempt, line, course, wanted)

    def _course(self, attempt: Attempt, line: Line | None, wanted: bool) -> Course:
        rng, trunk = self._rng, attempt.sender.trunk
        if attempt.verdict is not None:
            return Course(attempt.verdict[0], attempt.verdict[1], False)
        if chance(rng, trunk.fails if trunk is not None else self._network.own_failure):
            return Course("failed", pick(rng, (503, 503, 500, 502, 408)), False)
        if trunk is not None and chance(rng, trunk.challenges):
            return Course("unauthorized", pick(rng, (401, 403, 407)), False)
        if line is None:
            if attempt.callee.startswith("+1") and len(attempt.callee) < 12:
                return Course("incomplete", 484, False)
            announced = attempt.method == "INVITE" and chance(rng, 0.25)
            status = pick(rng, (404, 404, 404, 404, 604, 410))
            return Course("not_found", status, announced, uniform(rng, 4.0, 14.0) if announced else None)
        if not wanted and self._blocked(attempt, line):
            return Course("unwanted" if self._block_status == 607 else "declined", self._block_status, False)
        if attempt.method == "MESSAGE":
            return Course("answered", 200, False)
        hour = self._clock.local_hour(attempt.time_s)
        return ring(
            rng,
            attempt.style,
            line,
            wanted,
            attempt.sender.withheld,
            attempt.time_s,
            hour < 7.0 or hour >= 22.5,
        )

    def _write(self, attempt: Attempt, line: Line | None, course: Course, diverted_by: str | None) -> None:
        rng, sender, trunk = self._rng, attempt.sender, attempt.sender.trunk
        identity = identify(rng, self._network, sender, attempt.number)
        pdd_median = trunk.pdd_s if trunk is not None else self._network.own_pdd_s
        pdd = max(0.08, lognormal(rng, pdd_median, 0.45)) if course.rings else None
        setup: float | None = None
        if course.outcome == "answered":
            setup = (pdd + (course.ring_s or 0.0)) if pdd is not None else lognormal(rng, 0.15, 0.5)
        retransmits = trunk.retransmits if trunk is not None else 0.01
        if course.status == 408 and not course.rings:
            retransmissions = int(rng.integers(3, 7))
        else:
            retransmissions = int(rng.geometric(0.6)) if chance(rng, retransmits) else 0
        device = sender.device if trunk is None or not trunk.rewrites else trunk.border
        keeps_agent = trunk is None or chance(rng, trunk.keeps_agent)
        status = course.status
        if course.outcome == "no_answer" and line is not None and line.trunk is not None:
            status = line.trunk.no_answer_status
        start_us = self._clock.start_us + int(attempt.time_s * 1e6)
        doubled = diverted_by is not None or chance(rng, trunk.two_legs if trunk is not None else 0.02)
        self.records.append(
            Record(
                start_us=start_us,
                call_id=f"{int(rng.integers(0, 2**62)):015x}{len(self.records):x}@{sender.source_ip}",
                method=attempt.method,
                caller="anonymous" if sender.withheld else attempt.number,
                callee=line.number if line is not None else attempt.callee,
                source_ip=sender.source_ip,
                destination_ip=line.address if line is not None else pick(rng, self._network.core),
                transport=sender.transport,
                user_agent=device.user_agent if keeps_agent else None,
                fingerprint=device.fingerprint,
                asserted_identity=identity.asserted,
                attestation=identity.attestation,
                origid=identity.origid,
                verstat=identity.verstat,
                passport_orig=identity.passport_orig,
                diverted_by=diverted_by,
                outcome=course.outcome,
                final_status=status,
                ring_time_s=course.ring_s,
                pdd_s=pdd,
                setup_time_s=setup,
                duration_s=course.talk_s,
                hangup_by=course.hangup_by,
                retransmissions=retransmissions,
                legs=2 if doubled else 1,
                spam=attempt.label.spam,
                kind=attempt.label.kind,
                strength=attempt.label.strength,
                campaign=attempt.label.campaign,
            )
        )

    def _occupy(self, attempt: Attempt, line: Line | None, course: Course) -> None:
        end_s = attempt.time_s + (course.ring_s or 0.0) + (course.talk_s or 0.0) + 3.0
        if attempt.origin is not None:
            attempt.origin.slots_until_s.append(end_s)
        # Voicemail leaves the phone itself free.
        if (
            line is not None
            and course.talk_s is not None
            and not course.missed
            and line.role not in ("menu", "premium")
        ):
            line.slots_until_s.append(end_s)

    def _follow(self, attempt: Attempt, line: Line | None, course: Course, wanted: bool) -> None:
        rng, style = self._rng, attempt.style
        end_s = attempt.time_s + (course.ring_s or 0.0) + (course.talk_s or 0.0)
        if course.talked and line is not None and course.talk_s is not None and course.talk_s > 40.0:
            line.known.add(attempt.number)
        if attempt.tries + 1 < style.tries:
            again = (
                style.redial_busy
                if course.outcome in ("busy", "failed")
                else style.redial_missed
                if course.missed
                else 0.0
            )
            if chance(rng, again):
                self._push(attempt.again(end_s + lognormal(rng, style.redial_s, 0.8)))
        if course.missed and line is not None and line.role == "person" and not attempt.sender.withheld:
            self._maybe_return(attempt, line, end_s, wanted)

    def _maybe_return(self, attempt: Attempt, line: Line, missed_s: float, wanted: bool) -> None:
        rng = self._rng
        likely = (self._returns_known if wanted else line.curiosity) * attempt.style.returns
        if not attempt.number.startswith("+") or not chance(rng, min(0.9, likely)):
            return
        if line.sender is None:
            line.sender = self._origins.of_line(rng, line.trunk)
        style = self._return_style
        target = self._directory.find(attempt.number)
        if target is not None and target.role == "person" and chance(rng, attempt.sender.owns):
            style = Style(
                talk_s=style.talk_s * 1.4,
                reject=0.2,
                expected=0.9,
                redial_busy=0.3,
                redial_s=90.0,
                social=True,
            )
        when_s = missed_s + lognormal(rng, self._return_delay_s, 1.3)
        self._push(Attempt(when_s, line.sender, line.number, attempt.number, style, RETURN, origin=line))
