"""What becomes of a call: whether it gets through, who answers, and how it ends."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

from .behaviour import CALLER, NOBODY, Behaviour
from .parties import Party
from .world import Intent, World

ANSWERED, REJECTED, CANCELLED = "answered", "rejected", "cancelled"


@dataclass(slots=True)
class Outcome:
    """How a call ends, and what caller and callee make of it.

    ``ended``: ANSWERED, REJECTED with the status ``code``, or CANCELLED by the caller, ``after_s`` after the
    INVITE. ``rings``: a provisional response came before. ``hung_up_by``: NOBODY where the BYE is lost.
    ``knew``: the callee knew the number or expected the call. ``missed``: the callee sees a missed call.
    ``talked``: a person answered. ``reached``: the caller has no reason to try again.
    """

    ended: str
    code: int
    after_s: float
    rings: bool
    talk_s: float = 0.0
    hung_up_by: int = CALLER
    knew: bool = False
    missed: bool = False
    talked: bool = False
    reached: bool = False


def outcome_of(world: World, intent: Intent, callee: Party | None) -> Outcome:
    """What becomes of the call, which occupies lines if answered. ``callee``: None where there is nobody."""
    draws = world.draws
    patience_s = intent.behaviour.patience_s(draws)
    chance = draws.random()
    if callee is None:
        outcome = _nobody(world, intent, patience_s)
    elif chance < 0.011:
        outcome = Outcome(
            REJECTED, draws.choice([503, 503, 500, 408, 480]), 0.1 + draws.gammavariate(1.2, 0.8), False
        )
    elif _busy(world, callee, intent.time_s):
        code = draws.choice([486] * 9 + [600, 480])
        outcome = Outcome(REJECTED, code, 0.2 + draws.gammavariate(1.5, 0.4), False)
    else:
        outcome = _somebody(world, intent, callee, patience_s, chance)
    if outcome.ended == ANSWERED:
        if draws.random() < 0.004:
            outcome.hung_up_by = NOBODY
        until_s = intent.time_s + outcome.after_s + outcome.talk_s
        for party in (callee, intent.caller):
            if party is not None:
                heapq.heappush(party.busy_until_s, until_s)
    return outcome


def _nobody(world: World, intent: Intent, patience_s: float) -> Outcome:
    """A number that is not assigned, or one abroad."""
    draws = world.draws
    if (intent.callee.startswith(world.plan.home) and draws.random() < 0.97) or draws.random() < 0.1:
        code = draws.choice([404] * 14 + [480, 480, 484, 604, 410, 404])
        return Outcome(REJECTED, code, 0.15 + draws.gammavariate(1.5, 0.35), draws.random() < 0.15)
    if draws.random() < 0.6:
        after_s = 4 + draws.gammavariate(2, 3.5)
        return Outcome(ANSWERED, 200, after_s, True, *intent.behaviour.talk(draws), reached=True)
    return Outcome(CANCELLED, 487, patience_s, True)


def _busy(world: World, callee: Party, time_s: float) -> bool:
    """Whether all lines are taken; three in ten people have call waiting."""
    while callee.busy_until_s and callee.busy_until_s[0] <= time_s:
        heapq.heappop(callee.busy_until_s)
    full = len(callee.busy_until_s) >= callee.capacity
    return full and not (callee.line == "person" and world.draws.random() < 0.3)


def _somebody(world: World, intent: Intent, callee: Party, patience_s: float, chance: float) -> Outcome:
    draws, behaviour = world.draws, intent.behaviour
    if callee.line == "gate":
        code = draws.choice([486, 603, 603])
        return Outcome(REJECTED, code, 0.8 + draws.gammavariate(2, 0.5), True, reached=True)
    if callee.line in ("fax", "probe"):
        after_s = 0.3 + draws.gammavariate(2, 0.5 if callee.line == "probe" else 1.2)
        if after_s < patience_s:
            return Outcome(ANSWERED, 200, after_s, True, *behaviour.talk(draws), reached=True)
        return Outcome(CANCELLED, 487, patience_s, True, reached=True)
    if callee.line == "ivr":
        return _desk(world, intent, callee, patience_s)
    return _person(world, intent, callee, patience_s, chance)


def _desk(world: World, intent: Intent, callee: Party, patience_s: float) -> Outcome:
    """A desk or an announcement; at night an announcement only."""
    draws = world.draws
    after_s = 0.6 + draws.gammavariate(1.6, 2.2)
    hour = world.timing.hour_of_day(intent.time_s)
    if draws.random() < callee.answers_unknown and after_s < patience_s:
        talk_s, hung_up_by = intent.behaviour.talk(draws)
        if hour < 7.5 or hour > 19.5:
            talk_s = min(talk_s, 20 + 15 * draws.random())
        return Outcome(ANSWERED, 200, after_s, True, talk_s, hung_up_by, reached=True)
    return Outcome(CANCELLED, 487, patience_s, True, missed=True)


def _person(world: World, intent: Intent, callee: Party, patience_s: float, chance: float) -> Outcome:
    draws, behaviour = world.draws, intent.behaviour
    knew = intent.caller.number in callee.known or draws.random() < behaviour.recognised
    answers = _answer_probability(world, intent, callee, knew)
    if chance < 0.045:  # switched off, or out of coverage
        if callee.voicemail_after_s and draws.random() < 0.6 and patience_s > 4:
            return _voicemail(
                world, behaviour, Outcome(ANSWERED, 200, 1.5 + draws.random() * 2, False, knew=knew)
            )
        after_s = 0.5 + draws.gammavariate(2, 0.8)
        return Outcome(REJECTED, 480, after_s, False, knew=knew, missed=True)
    after_s = 1.6 + draws.gammavariate(2.1, 3.6)
    declines = draws.random() < (0.012 if knew else 0.075 if intent.label.spam else 0.05)
    if draws.random() < answers and after_s < 40:
        if after_s < patience_s:
            talk = behaviour.talk(draws)
            return Outcome(ANSWERED, 200, after_s, True, *talk, knew=knew, talked=True, reached=True)
        return Outcome(CANCELLED, 487, patience_s, True, knew=knew, missed=True)
    if declines and patience_s > 4:
        code = draws.choice([603, 603, 486, 480])
        return Outcome(REJECTED, code, min(patience_s - 0.3, 2 + draws.gammavariate(2, 1.8)), True, knew=knew)
    if callee.voicemail_after_s and callee.voicemail_after_s < patience_s:
        after_s = callee.voicemail_after_s + draws.random()
        return _voicemail(world, behaviour, Outcome(ANSWERED, 200, after_s, True, knew=knew, missed=True))
    if patience_s > 58 or (draws.random() < 0.03 and patience_s > 20):
        code = draws.choice([480, 408])
        after_s = min(patience_s, 45 + 15 * draws.random())
        return Outcome(REJECTED, code, after_s, True, knew=knew, missed=True)
    return Outcome(CANCELLED, 487, patience_s, True, knew=knew, missed=True)


def _answer_probability(world: World, intent: Intent, callee: Party, knew: bool) -> float:
    """By how willing the callee is, what the call is like, whether the number looks local, and the hour."""
    shift = intent.behaviour.answer_shift * (0.4 if knew else 1)
    if not knew and intent.caller.number[:-4] == intent.callee[:-4]:
        shift += 0.15
    hour = world.timing.hour_of_day(intent.time_s)
    if hour < 7 or hour > 22.5:
        shift -= 0.9
    elif hour < 9:
        shift -= 0.2
    base = min(0.985, max(0.015, callee.answers_known if knew else callee.answers_unknown))
    return 1 / (1 + math.exp(-(math.log(base / (1 - base)) + shift)))


def _voicemail(world: World, behaviour: Behaviour, outcome: Outcome) -> Outcome:
    """The voicemail has answered: leave a message, hear the greeting, or hang up."""
    draws = world.draws
    if draws.random() < behaviour.voicemail_listened:
        if behaviour.script_s and draws.random() < 0.6:
            talk_s = draws.gauss(behaviour.script_s[0], 3) + 8
        else:
            talk_s = draws.lognormvariate(3.1, 0.5) + 8
    elif behaviour.detects_machines:
        talk_s = 1 + 3 * draws.random()
    else:
        talk_s = 2 + draws.gammavariate(2, 2.2)
    outcome.talk_s, outcome.hung_up_by = max(1, talk_s), CALLER
    return outcome
