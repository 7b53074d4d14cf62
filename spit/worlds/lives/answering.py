"""What happens at the called end: people, firms' lines, and lines that belong to callers' schemes.

Times are in seconds. A party's answer does not depend on whether the call is spam; it depends on
what the called party can see and on what the caller has to say (the Pitch).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from spit.worlds.lives.clock import Clock
from spit.worlds.lives.draws import Rng, around, chance, uniform
from spit.worlds.lives.population import Subscriber
from spit.worlds.lives.profile import Profile


@dataclass(frozen=True, slots=True)
class Pitch:
    """What the caller wants of the call.

    patience_s: median time the caller lets it ring. talk_s: median talk with someone who stays.
    engage: share of strangers who stay. brush_s: median length with those who do not.
    playback_s: fixed length of a recording after which the caller hangs up (None for people).
    message: chance of leaving a message on voicemail; abandon: chance that nobody is there to talk
    when the callee answers (predictive dialling; regulators cap it at 3 %, abusers do not).
    """

    talk_s: float
    patience_s: float = 28.0
    engage: float = 0.5
    brush_s: float = 9.0
    talk_sigma: float = 0.9
    patience_sigma: float = 0.35
    playback_s: float | None = None
    message: float = 0.1
    abandon: float = 0.0
    caller_ends: float = 0.5
    expected: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """What the called end sees of one call."""

    t: float
    presented: str
    withheld: bool
    national: bool
    expected: bool


@dataclass(frozen=True, slots=True)
class Reaction:
    """The called end's part: ring_s None means no ringing before the final response.

    hold_s fixes the length of an answered call (recordings, premium lines); None leaves it to talk.
    """

    outcome: str
    ring_s: float | None
    voicemail: bool = False
    known: bool = False
    hold_s: float | None = None


class Party(Protocol):
    """Anything that owns a number."""

    def react(self, rng: Rng, clock: Clock, profile: Profile, arrival: Arrival, /) -> Reaction:
        """Decide the fate of one call."""


def person_reaction(
    rng: Rng, clock: Clock, profile: Profile, person: Subscriber, arrival: Arrival
) -> Reaction:
    """A person sees the number, is asleep or not, busy or not, and picks up or not."""
    if arrival.presented in person.blocked:
        return Reaction("unwanted" if chance(rng, 0.5) else "declined", None)
    voicemail_at_once = Reaction("answered", uniform(rng, 0.3, 2.0), voicemail=True)
    busy = person.busy_until > arrival.t or chance(rng, profile.busy_elsewhere)
    if busy and not chance(rng, person.call_waiting):
        return voicemail_at_once if person.has_voicemail and chance(rng, 0.6) else Reaction("busy", None)
    hour = clock.hour(arrival.t)
    awake = person.awake(hour)
    if chance(rng, person.off_share * (1.0 if awake else 3.0)):
        return voicemail_at_once if person.has_voicemail else Reaction("no_answer", None)
    known = arrival.presented in person.knows and not arrival.withheld
    if known or arrival.expected:
        willing = 0.82
    else:
        willing = person.picks_strangers * (1.0 if arrival.national else profile.foreign_penalty)
        willing *= 0.7 if arrival.withheld else 1.0
    if person.busy_until > arrival.t:
        willing *= 0.4
    if not awake:
        willing *= 0.3 if known else 0.12
    ring = around(rng, profile.answer_median_s * (1.25 if person.use == "fixed" else 1.0), 0.55)
    if chance(rng, willing) and ring < profile.ring_limit_s:
        return Reaction("answered", ring, known=known or arrival.expected)
    if awake and person.use == "mobile" and chance(rng, 0.06 if known else 0.16):
        return Reaction("declined", min(ring, 25.0))
    if person.has_voicemail:
        return Reaction("answered", profile.voicemail_after_s * uniform(rng, 0.9, 1.15), voicemail=True)
    return Reaction("no_answer", profile.ring_limit_s * uniform(rng, 0.97, 1.03))


@dataclass(slots=True)
class PersonLine:
    """The line of a subscriber as a party."""

    person: Subscriber

    def react(self, rng: Rng, clock: Clock, profile: Profile, arrival: Arrival) -> Reaction:
        """See person_reaction."""
        return person_reaction(rng, clock, profile, self.person, arrival)


@dataclass(slots=True)
class FirmLine:
    """A number of a firm, a doctor, a radio station: several channels, opening hours, maybe a menu."""

    number: str
    channels: int
    opens: float
    closes: float
    answers: float = 0.95
    menu: bool = False
    answer_s: float = 5.0
    ends: list[float] = field(default_factory=list)

    def react(self, rng: Rng, clock: Clock, profile: Profile, arrival: Arrival) -> Reaction:
        """Busy when every channel talks; a menu answers at any hour, people only when open."""
        self.ends = [end for end in self.ends if end > arrival.t]
        if len(self.ends) >= self.channels:
            return Reaction("busy", None)
        if self.menu:
            return Reaction("answered", uniform(rng, 0.2, 3.0), known=True)
        open_now = self.opens <= clock.hour(arrival.t) < self.closes
        if open_now and chance(rng, self.answers):
            return Reaction("answered", around(rng, self.answer_s, 0.6), known=True)
        if chance(rng, 0.3):
            return Reaction("answered", uniform(rng, 1.0, 15.0), voicemail=True)
        return Reaction("no_answer", profile.ring_limit_s)

    def occupy(self, until: float) -> None:
        """Hold one channel until the given time."""
        self.ends.append(until)


@dataclass(slots=True)
class SchemeLine:
    """A number that a campaign presents and that somebody may call back.

    mode: "dead" (nobody has it), "ringing" (a SIM in a box that nobody answers), "toll" (earns by
    the minute and keeps the caller listening), "recording", "desk" (agents answer).
    """

    mode: str
    hold_s: float = 30.0

    def react(self, rng: Rng, _clock: Clock, profile: Profile, _arrival: Arrival) -> Reaction:
        """Answer as the scheme needs; hold_s is the median length in seconds."""
        if self.mode == "dead":
            return Reaction("not_found", None)
        if self.mode == "ringing":
            return Reaction("no_answer" if chance(rng, 0.8) else "busy", profile.ring_limit_s)
        if self.mode == "desk" and chance(rng, 0.3):
            return Reaction("busy", None)
        ring = uniform(rng, 0.1, 2.0) if self.mode == "toll" else around(rng, 4.0, 0.5)
        return Reaction("answered", ring, hold_s=around(rng, self.hold_s, 0.9))
