"""Rooms that work through a list of numbers: agents or channels with shifts, breaks and retries.

Honest centres and campaigns use the same room; they differ in list, pitch, numbers and hours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from spit.worlds.lives.answering import Pitch
from spit.worlds.lives.draws import Rng, around, chance, log_uniform, uniform
from spit.worlds.lives.exchange import Life, Result, World
from spit.worlds.lives.network import Origin
from spit.worlds.lives.senders import Presenter
from spit.worlds.lives.signalling import Label

Spans = list[tuple[float, float]]
UNREACHED = ("no_answer", "cancelled", "busy", "failed")


@dataclass(slots=True)
class Room:
    """A list to be called within spans of time (seconds), by so many agents, quota attempts in all.

    wrap_s is the median pause after a talk; retries is how often an unreached number is tried again,
    retry_after_s the median delay. learn hears of each result (to replace numbers, say).
    """

    label: Label
    pitch: Pitch
    targets: Callable[[], str]
    present: Presenter
    quota: int
    agents: int
    spans: Spans
    wrap_s: float = 3.0
    retries: int = 0
    retry_after_s: float = 3600.0
    learn: Callable[[Result, Origin, str], None] | None = None
    method: str = "INVITE"
    waiting: deque[tuple[float, str, int]] = field(default_factory=deque)

    def next_target(self, t: float) -> tuple[str, int]:
        """A number whose retry is due, or the next of the list, with the attempts made so far."""
        if self.waiting and self.waiting[0][0] <= t:
            _, number, tries = self.waiting.popleft()
            return number, tries
        return self.targets(), 0


def _agent(world: World, room: Room, gap_s: float) -> Life:
    rng = world.rng
    own_gap = gap_s * around(rng, 0.9, 0.15)
    for begin, end in room.spans:
        t = begin + uniform(rng, 0.0, min(own_gap, 0.5 * (end - begin)))
        while t < end and room.quota > 0:
            yield t
            if room.quota <= 0:
                return
            room.quota -= 1
            callee, tries = room.next_target(t)
            origin = room.present(callee)
            if room.method == "MESSAGE":
                result = world.send(t, origin, callee, room.label)
            else:
                result = world.place(t, origin, callee, room.pitch, room.label)
            if room.learn is not None:
                room.learn(result, origin, callee)
            if tries < room.retries and (result.course.outcome in UNREACHED or result.course.voicemail):
                room.waiting.append((t + around(rng, room.retry_after_s, 0.6), callee, tries + 1))
            pause = around(rng, room.wrap_s, 0.7) * (4.0 if result.talked else 1.0)
            t = max(result.end + pause, t + own_gap * float(rng.exponential()))


def open_room(world: World, room: Room) -> None:
    """Start the agents; their pace spreads the quota over the spans, more join if it is too fast."""
    room.spans = [(a, b) for a, b in room.spans if b > a] or [(0.0, world.clock.length_s)]
    length = sum(b - a for a, b in room.spans)
    held = 12.0 + room.wrap_s + 0.2 * (room.pitch.playback_s or room.pitch.talk_s)
    needed = int(room.quota * (held if room.method == "INVITE" else room.wrap_s) / length) + 1
    agents = max(1, min(max(room.agents, needed), room.quota, 400))
    for _ in range(agents):
        world.live(_agent(world, room, length * agents / max(1, room.quota)))


def office_hours(world: World, opens: float, closes: float) -> Spans:
    """Opening hours of the log; the whole log when it is too short to hold any."""
    return world.clock.spans(opens, closes) or [(0.0, world.clock.length_s)]


def storms(world: World, count: int, low_s: float, high_s: float) -> Spans:
    """Short bursts anywhere in the log (Prasad et al. 2020 saw 650 such storms in 11 months)."""
    rng = world.rng
    found: Spans = []
    for _ in range(count):
        length = min(log_uniform(rng, low_s, high_s), 0.5 * world.clock.length_s)
        begin = uniform(rng, 0.0, world.clock.length_s - length)
        found.append((begin, begin + length))
    return sorted(found)


def window(rng: Rng, spans: Spans, shortest: float) -> Spans:
    """Cut spans to a random window that keeps at least the given share of their total length."""
    first, last = spans[0][0], spans[-1][1]
    share = uniform(rng, shortest, 1.0)
    begin = first + uniform(rng, 0.0, 1.0 - share) * (last - first)
    end = begin + share * (last - first)
    kept = [(max(a, begin), min(b, end)) for a, b in spans if min(b, end) > max(a, begin)]
    return kept or spans


def old_list(world: World, size: int, home_share: float, stale: float) -> list[str]:
    """A list of people's numbers of which a share is no longer in use."""
    rng = world.rng
    return [
        world.plan.vacant(rng) if chance(rng, stale) else world.population.anyone(rng, home_share).number
        for _ in range(size)
    ]


def through(numbers: list[str]) -> Callable[[], str]:
    """Read a list from its beginning, and again when it ends."""
    state = {"at": -1}

    def following() -> str:
        state["at"] = (state["at"] + 1) % len(numbers)
        return numbers[state["at"]]

    return following
