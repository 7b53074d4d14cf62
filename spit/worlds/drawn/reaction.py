"""How a line and the person behind it meet a call."""

from __future__ import annotations

from typing import NamedTuple

from spit.worlds.drawn.calls import Manner, Shown
from spit.worlds.drawn.draws import Rng, chance, lognormal
from spit.worlds.drawn.lines import Line

_LONGEST_S = 4 * 3600.0


class Course(NamedTuple):
    """The course of a call, times in seconds. ``missed``: the callee sees a missed call; ``met``: a person
    took part."""

    outcome: str
    status: int
    ring_s: float | None = None
    talk_s: float | None = None
    hangup_by: str = "none"
    missed: bool = False
    met: bool = False


def _answered(ring_s: float, talk_s: float, by_caller: bool, missed: bool = False) -> Course:
    hangup_by = "caller" if by_caller else "callee"
    return Course("answered", 200, ring_s, min(_LONGEST_S, max(0.4, talk_s)), hangup_by, missed, not missed)


def _converse(rng: Rng, manner: Manner, line: Line, wanted: bool, ring_s: float) -> Course:
    """A person has answered."""
    if chance(rng, manner.abandons):
        # A predictive dialler without a free agent: silence until one of the two gives up.
        return _answered(ring_s, 1.0 + lognormal(rng, 2.5, 0.5), chance(rng, 0.6))
    if manner.mode == "silent":
        return _answered(ring_s, lognormal(rng, manner.quit_s, 0.6), chance(rng, 0.8))
    stays = chance(rng, 0.95) if wanted else chance(rng, min(1.0, manner.holds * (0.4 + 2.0 * line.patience)))
    if not stays:
        return _answered(ring_s, lognormal(rng, manner.quit_s, 0.7), chance(rng, 0.15 * manner.caller_ends))
    if manner.mode == "play":
        length = manner.talk_s * (0.93 + 0.14 * rng.random())
        if chance(rng, manner.transfers):
            return _answered(ring_s, length + lognormal(rng, 150.0, 1.0), chance(rng, 0.5))
        # Listeners who stay still hang up somewhere before the end as often as not.
        if chance(rng, 1.0 - manner.caller_ends):
            return _answered(ring_s, length * (0.25 + 0.75 * rng.random()), False)
        return _answered(ring_s, length, True)
    stretch = line.chatty if manner.social else 1.0
    talk = lognormal(rng, manner.talk_s * stretch, manner.talk_sigma)
    return _answered(ring_s, talk, chance(rng, manner.caller_ends))


def _mailbox(rng: Rng, manner: Manner, ring_s: float) -> Course:
    if chance(rng, manner.spots_machines) or manner.mode == "silent":
        return _answered(ring_s, 1.0 + lognormal(rng, 2.5, 0.4), True, missed=True)
    if manner.mode == "play":
        return _answered(ring_s, manner.talk_s * (0.95 + 0.3 * rng.random()), True, missed=True)
    if chance(rng, manner.message):
        return _answered(
            ring_s, 4.0 + 10.0 * rng.random() + lognormal(rng, manner.message_s, 0.6), True, missed=True
        )
    return _answered(ring_s, lognormal(rng, 4.0, 0.7), True, missed=True)


def _automatic(rng: Rng, manner: Manner, line: Line, patience_s: float) -> Course:
    """Lines that answer without anyone being called to the phone."""
    pickup = lognormal(rng, line.pickup_s, 0.5)
    if pickup > patience_s:
        return Course("cancelled", 487, patience_s)
    if line.role == "premium":
        return _answered(pickup, lognormal(rng, manner.talk_s if manner.mode == "talk" else 40.0, 0.9), True)
    if manner.mode != "talk" and line.role != "machine":
        return _answered(pickup, lognormal(rng, manner.quit_s, 0.6), chance(rng, 0.7))
    wait = lognormal(rng, 40.0, 1.1) if line.role != "machine" and chance(rng, 0.7) else 0.0
    return _answered(pickup, wait + lognormal(rng, manner.talk_s, manner.talk_sigma), chance(rng, 0.65))


def react(
    rng: Rng, manner: Manner, line: Line, shown: Shown, wanted: bool, time_s: float, hour: float
) -> Course:
    """Present a call to a line."""
    patience = max(0.6, lognormal(rng, manner.patience_s, manner.patience_sigma))
    if line.role == "outbound":
        return Course("declined", 603) if chance(rng, 0.3) else Course("no_answer", 480, min(patience, 20.0))
    if line.occupied(time_s) or chance(rng, line.engaged if line.role == "person" else 0.0):
        if line.voicemail and chance(rng, 0.6):
            return _mailbox(rng, manner, 0.5 + rng.random())
        return Course("busy", 486, missed=line.role == "person" and chance(rng, 0.5))
    if line.role != "person":
        return _automatic(rng, manner, line, patience)
    annoyed = line.annoyed.get(shown.number, 0) if not wanted else 0
    if annoyed and chance(rng, min(0.9, line.complains * 3.0 * annoyed)):
        return Course("unwanted", 607)
    night = hour < 7.0 or hour >= 22.5
    if wanted:
        answers = line.answers_known * (0.55 if night and line.habit not in ("shift", "student") else 1.0)
    else:
        near = 1.25 if shown.number[:-5] == line.number[:-5] else 1.0
        answers = min(0.9, line.answers_unknown * manner.appeal * near) * 0.5**annoyed
        answers *= (0.3 if night else 1.0) * (0.6 if shown.withheld else 1.0)
    if line.screens and not wanted:
        # An assistant answers and asks who is calling; most callers give up.
        return _answered(1.0 + rng.random(), lognormal(rng, 9.0, 0.5), chance(rng, 0.7), missed=True)
    pickup = max(0.8, lognormal(rng, line.pickup_s, 0.5))
    if chance(rng, answers):
        if pickup < min(patience, line.ring_limit_s):
            return _converse(rng, manner, line, wanted, pickup)
    elif pickup < patience and chance(rng, line.declines * (0.3 if wanted else 1.0)):
        if line.voicemail and chance(rng, 0.7):
            return _mailbox(rng, manner, pickup)
        return Course("declined", 603 if chance(rng, 0.8) else 486, pickup, missed=True)
    if patience < line.ring_limit_s:
        return Course("cancelled", 487, patience, missed=True)
    if line.voicemail:
        return _mailbox(rng, manner, line.ring_limit_s)
    return Course("no_answer", 480, line.ring_limit_s + 20.0 * rng.random(), missed=True)
