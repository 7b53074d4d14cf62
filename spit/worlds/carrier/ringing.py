"""What happens between a call's arrival at a line and its end."""

from __future__ import annotations

from typing import NamedTuple

from spit.worlds.carrier.attempts import Style
from spit.worlds.carrier.draws import Rng, chance, lognormal, uniform
from spit.worlds.carrier.lines import Line


class Course(NamedTuple):
    """The course of one call: times in seconds; ``missed`` when the callee sees a missed call."""

    outcome: str
    status: int
    rings: bool
    ring_s: float | None = None
    talk_s: float | None = None
    hangup_by: str = "none"
    missed: bool = False
    talked: bool = False


def _conversation(rng: Rng, style: Style, line: Line, wanted: bool, ring_s: float) -> Course:
    if chance(rng, style.abandon):
        ended = "caller" if chance(rng, 0.5) else "callee"
        return Course("answered", 200, True, ring_s, uniform(rng, 1.2, 5.0), ended)
    if not wanted and chance(rng, style.reject):
        ended = "callee" if chance(rng, 0.8) else "caller"
        return Course("answered", 200, True, ring_s, lognormal(rng, style.reject_s, 0.65), ended)
    stretch = line.chattiness if style.social else 1.0
    talk = min(3 * 3600.0, lognormal(rng, style.talk_s * stretch, style.talk_sigma))
    ended = "caller" if chance(rng, style.caller_ends) else "callee"
    return Course("answered", 200, True, ring_s, talk, ended, talked=True)


def _voicemail(rng: Rng, style: Style, ring_s: float) -> Course:
    if chance(rng, style.message):
        talk = uniform(rng, 3.0, 14.0) + lognormal(rng, style.message_s, 0.5)
        return Course("answered", 200, True, ring_s, talk, "caller", missed=True)
    return Course("answered", 200, True, ring_s, lognormal(rng, 4.0, 0.6), "caller", missed=True)


def _automatic(rng: Rng, style: Style, line: Line, time_s: float) -> Course:
    """Lines that answer by themselves."""
    if line.role == "queue" and line.occupied(time_s):
        return Course("busy", 486, False)
    ring_s = lognormal(rng, 2.2, 0.5)
    if line.role == "premium":
        return Course("answered", 200, True, ring_s, lognormal(rng, 35.0, 0.9), "caller")
    if line.role == "machine" and chance(rng, style.reject):
        return Course("answered", 200, True, ring_s, lognormal(rng, 9.0, 0.5), "caller")
    wait = lognormal(rng, line.hold_s, 0.9) if line.hold_s > 0.0 else 0.0
    talk = min(7200.0, lognormal(rng, style.talk_s, style.talk_sigma) + wait)
    return Course("answered", 200, True, ring_s, talk, "caller" if chance(rng, 0.7) else "callee")


def ring(
    rng: Rng, style: Style, line: Line, wanted: bool, withheld: bool, time_s: float, night: bool
) -> Course:
    """Present a call to a line."""
    if line.role in ("menu", "queue", "machine", "premium"):
        return _automatic(rng, style, line, time_s)
    busy = line.occupied(time_s) or chance(rng, line.engaged)
    if busy and not (line.call_waiting and chance(rng, 0.4)):
        return (
            _voicemail(rng, style, 0.5) if line.voicemail and chance(rng, 0.7) else Course("busy", 486, False)
        )
    answers = line.answers_known if wanted else min(0.95, line.answers_unknown * style.appeal)
    answers *= (0.35 if night else 1.0) * (0.7 if withheld and not wanted else 1.0)
    patience = max(0.5, lognormal(rng, style.patience_s, style.patience_sigma))
    pickup = max(1.0, lognormal(rng, line.pickup_s, 0.5))
    answered = chance(rng, answers)
    limit = line.ring_limit_s
    if answered and pickup < min(patience, limit):
        return _conversation(rng, style, line, wanted, pickup)
    if not answered and pickup < patience and chance(rng, line.declines * (0.3 if wanted else 1.0)):
        if line.voicemail and chance(rng, 0.6):
            return _voicemail(rng, style, pickup)
        return Course("declined", 603, True, pickup, missed=True)
    if patience < limit:
        return Course("cancelled", 487, True, patience, missed=True)
    if line.voicemail:
        return _voicemail(rng, style, limit)
    return Course("no_answer", 480, True, limit + uniform(rng, 5.0, 30.0), missed=True)
