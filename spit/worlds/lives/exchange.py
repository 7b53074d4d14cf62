"""The world's switch and event loop.

Every agent is a generator that yields the time (seconds since the start) at which it next acts and
places calls when it is resumed. Placing a call settles its course at once, occupies both ends, lets
the called end remember, block, complain or call back, and writes the row.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from spit.worlds.lives.answering import Arrival, FirmLine, Party, PersonLine, Pitch, Reaction
from spit.worlds.lives.clock import Clock
from spit.worlds.lives.draws import Rng, around, chance, uniform
from spit.worlds.lives.network import Network, Origin
from spit.worlds.lives.numbering import NumberPlan
from spit.worlds.lives.population import Population, Subscriber
from spit.worlds.lives.profile import Profile
from spit.worlds.lives.signalling import Course, Label, Log

Life = Generator[float, None, None]
CALLBACK = Label("missed_call_return")


@dataclass(frozen=True, slots=True)
class Result:
    """What the caller learns: the course and when the line is free again (seconds)."""

    course: Course
    end: float

    @property
    def talked(self) -> bool:
        """True when a person stayed on the line."""
        return self.course.engaged


@dataclass(slots=True)
class World:
    """All state of one seed."""

    rng: Rng
    clock: Clock
    profile: Profile
    plan: NumberPlan
    network: Network
    population: Population
    log: Log
    parties: dict[str, Party] = field(default_factory=dict)
    firm_numbers: list[str] = field(default_factory=list)
    complaints: dict[str, int] = field(default_factory=dict)
    agenda: list[tuple[float, int, Life]] = field(default_factory=list)
    ticket: Callable[[], int] = field(default_factory=lambda: itertools.count().__next__)

    def live(self, life: Life) -> None:
        """Start an agent."""
        self._resume(life, 0.0)

    def _resume(self, life: Life, now: float) -> None:
        wake = next(life, None)
        if wake is not None and wake < self.clock.length_s:
            heapq.heappush(self.agenda, (max(wake, now), self.ticket(), life))

    def run(self) -> None:
        """Let every agent live until the log ends."""
        while self.agenda:
            now, _, life = heapq.heappop(self.agenda)
            self._resume(life, now)

    def subscriber(self, number: str) -> Subscriber | None:
        """The person behind a number, if it is a person's."""
        party = self.parties.get(number)
        return party.person if isinstance(party, PersonLine) else None

    def place(self, t: float, origin: Origin, callee: str, pitch: Pitch, label: Label) -> Result:
        """One voice call at time t (seconds)."""
        course, reached = self._course(t, origin, callee, pitch)
        own = self.plan.is_own(reached)
        delay = self.log.write(t, "INVITE", origin, reached, course, label, self.log.destination(own))
        end = t + delay + (course.ring_s or 0.0) + (course.duration_s or 0.0)
        self._remember(end, origin, reached, course)
        return Result(course, end)

    def send(self, t: float, origin: Origin, callee: str, label: Label) -> Result:
        """One MESSAGE at time t (seconds)."""
        rng = self.rng
        person = self.subscriber(callee)
        outcome = "answered"
        if person is None and callee not in self.parties:
            outcome = "not_found" if self.plan.is_own(callee) or chance(rng, 0.3) else "answered"
        elif person is not None and origin.presented in person.blocked:
            outcome = "unwanted"
        elif self._screened(origin):
            outcome = "declined"
        elif chance(rng, 0.02):
            outcome = "no_answer"
        elif chance(rng, 0.01):
            outcome = "failed"
        course = Course(outcome, status=202 if outcome == "answered" and chance(rng, 0.25) else None)
        destination = self.log.destination(self.plan.is_own(callee))
        delay = self.log.write(t, "MESSAGE", origin, callee, course, label, destination)
        return Result(course, t + delay)

    def _screened(self, origin: Origin) -> bool:
        """Numbers with many complaints are turned away by operators that do so."""
        many = self.complaints.get(origin.presented, 0) >= self.profile.blocks_after
        return many and chance(self.rng, self.profile.complaint_blocking)

    def _course(self, t: float, origin: Origin, callee: str, pitch: Pitch) -> tuple[Course, str]:
        rng = self.rng
        trunk = origin.trunk
        if trunk is not None and chance(rng, trunk.challenge_failure):
            return Course("unauthorized"), callee
        if chance(rng, trunk.failure if trunk else 0.004):
            return Course("failed"), callee
        if self._screened(origin):
            return Course("unwanted" if chance(rng, 0.3) else "declined"), callee
        party = self.parties.get(callee)
        if party is None:
            return self._nobody(callee, pitch), callee
        diverted_by = None
        forwarder = party.person if isinstance(party, PersonLine) else None
        if (
            forwarder is not None
            and forwarder.forwards_to is not None
            and (forwarder.forwards_always or chance(rng, 0.35))
        ):
            diverted_by, callee = callee, forwarder.forwards_to
            party = self.parties.get(callee, party)
        arrival = Arrival(
            t, origin.presented, origin.withheld, self.plan.is_national(origin.presented), pitch.expected
        )
        reaction = party.react(rng, self.clock, self.profile, arrival)
        course = self._meet(reaction, party, pitch)
        course.diverted_by = diverted_by
        return course, callee

    def _nobody(self, callee: str, pitch: Pitch) -> Course:
        """A number that no simulated party has: vacant, or a stranger elsewhere."""
        rng = self.rng
        if self.plan.is_own(callee) or not callee.startswith("+") or chance(rng, 0.3):
            if chance(rng, self.profile.vacant_announced):
                return Course("answered", uniform(rng, 0.1, 1.0), around(rng, 6.0, 0.5), "caller")
            return Course("incomplete" if chance(rng, 0.03) else "not_found")
        if chance(rng, 0.4):
            return self._talk(Reaction("answered", around(rng, 8.0, 0.5)), None, pitch)
        return self._meet(Reaction("no_answer", self.profile.ring_limit_s), None, pitch)

    def _meet(self, reaction: Reaction, party: Party | None, pitch: Pitch) -> Course:
        patience = around(self.rng, pitch.patience_s, pitch.patience_sigma)
        if reaction.ring_s is not None and reaction.ring_s > patience:
            return Course("cancelled", patience, hangup_by="caller")
        if reaction.outcome != "answered":
            return Course(reaction.outcome, reaction.ring_s)
        return self._talk(reaction, party, pitch)

    def _talk(self, reaction: Reaction, party: Party | None, pitch: Pitch) -> Course:
        """Length and end of an answered call."""
        rng = self.rng
        ring = reaction.ring_s
        if reaction.voicemail:
            leaves = chance(rng, pitch.message)
            length = around(rng, 22.0, 0.5) if leaves else around(rng, 4.5, 0.6)
            return Course("answered", ring, length, "caller", voicemail=True)
        if reaction.hold_s is not None:
            # Whoever is kept by a recording hangs up himself sooner or later.
            return Course("answered", ring, reaction.hold_s, "caller")
        if chance(rng, pitch.abandon):
            return Course(
                "answered", ring, uniform(rng, 0.5, 3.5), "caller" if chance(rng, 0.7) else "callee"
            )
        person = party.person if isinstance(party, PersonLine) else None
        willing = pitch.engage * (person.gullible if person is not None and pitch.engage < 0.6 else 1.0)
        if not reaction.known and not chance(rng, willing):
            return Course(
                "answered",
                ring,
                max(0.8, around(rng, pitch.brush_s, 0.7)),
                "callee" if chance(rng, 0.85) else "caller",
            )
        if pitch.playback_s is not None:
            heard = pitch.playback_s * uniform(rng, 0.97, 1.06)
            return Course("answered", ring, heard, "caller", engaged=True)
        length = around(rng, pitch.talk_s, pitch.talk_sigma) * self.profile.talk_scale
        ender = "caller" if chance(rng, pitch.caller_ends) else "callee"
        return Course("answered", ring, min(max(1.0, length), 7200.0), ender, engaged=True)

    def _remember(self, end: float, origin: Origin, callee: str, course: Course) -> None:
        """Occupy the ends, and let the called person draw conclusions."""
        caller = self.subscriber(origin.presented)
        if caller is not None and caller.origin is origin:
            caller.busy_until = max(caller.busy_until, end)
            caller.knows.add(callee)
        party = self.parties.get(callee)
        if isinstance(party, FirmLine) and course.outcome == "answered":
            party.occupy(end)
        if not isinstance(party, PersonLine):
            return
        person = party.person
        if course.outcome == "answered" and not course.voicemail:
            person.busy_until = max(person.busy_until, end)
            if course.engaged:
                person.knows.add(origin.presented)
            elif origin.presented not in person.knows and not origin.withheld:
                self._resent(person, origin.presented)
        elif course.outcome in ("cancelled", "no_answer") or course.voicemail:
            self._consider_return(person, origin, end, course)

    def _resent(self, person: Subscriber, presented: str) -> None:
        """A stranger who wasted one's time may be blocked or reported."""
        if chance(self.rng, 0.06):
            person.blocked.add(presented)
        if chance(self.rng, 0.1):
            self.complaints[presented] = self.complaints.get(presented, 0) + 1

    def _consider_return(self, person: Subscriber, origin: Origin, end: float, course: Course) -> None:
        """A missed call is returned, soon and often to those one knows, sometimes to strangers."""
        if (
            origin.withheld
            or course.ring_s is None
            or (origin.presented not in self.parties and "@" in origin.presented)
        ):
            return
        seen = (
            person.home or self.plan.is_own(origin.presented) or chance(self.rng, self.profile.transit_share)
        )
        if not seen or (course.outcome == "cancelled" and course.ring_s < 0.6):
            return
        if origin.presented in person.knows:
            likely = 0.3
        else:
            likely = person.curious * (1.0 if self.plan.is_national(origin.presented) else 0.6)
        # Nobody returns every one of dozens of missed calls.
        likely *= (1.3 if course.voicemail else 1.0) / (1.0 + person.returned / 4.0)
        if chance(self.rng, likely):
            person.returned += 1
            self.live(self._return_call(person, origin.presented, end))

    def _return_call(self, person: Subscriber, number: str, missed_at: float) -> Life:
        """Call back once, perhaps twice, when awake and free."""
        rng = self.rng
        t = missed_at + around(rng, 600.0, 1.5)
        pitch = Pitch(talk_s=70.0 * person.talk, talk_sigma=1.0, engage=0.6, brush_s=14.0)
        for _ in range(2):
            yield t
            t = max(t, person.busy_until + 1.0)
            if not person.awake(self.clock.hour(t)):
                return
            yield t
            result = self.place(t, person.origin, number, pitch, CALLBACK)
            if result.course.outcome == "answered" or not chance(rng, 0.25):
                return
            t = result.end + around(rng, 240.0, 1.0)
