"""Subscribers' lines: who may be called, how long they let it ring and what they make of strangers."""

from dataclasses import dataclass, field

from spit.worlds.agenda.clock import RHYTHM_COUNT
from spit.worlds.agenda.dice import Dice
from spit.worlds.agenda.settings import Operator
from spit.worlds.agenda.trunks import Identity


@dataclass(slots=True)
class Line:
    """One line. Willingness in log-odds of answering; `ends` are the ends of running calls in seconds."""

    number: str
    sort: str
    rhythm: int
    friend_logit: float
    stranger_logit: float
    ring_s: float
    voicemail_s: float | None
    off: float
    waiting: bool
    capacity: int
    curiosity: float
    declines: float
    screened: bool
    identity: Identity | None = None
    diverts_to: str | None = None
    ends: list[float] = field(default_factory=list)

    def occupied(self, now_s: float) -> bool:
        """Whether every channel talks."""
        if self.ends:
            self.ends = [end for end in self.ends if end > now_s]
        return len(self.ends) >= self.capacity

    def occupy(self, until_s: float) -> None:
        """Take a channel until the moment."""
        self.ends.append(until_s)


def person_line(dice: Dice, operator: Operator, number: str, *, mobile: bool) -> Line:
    """A private line: mobiles are often switched off and have voicemail, fixed lines ring longer."""
    voicemail = dice.chance(operator.voicemail_share * (1.3 if mobile else 0.5))
    friend = operator.answer_shift + 1.25 + 0.7 * dice.normal()
    # Many people answer no stranger at all, others every call: the gap to friends is very uneven.
    gap = operator.stranger_gap * dice.lognormal(1.0, 0.7) * (1.0 if mobile else 0.6)
    return Line(
        number=number,
        sort="mobile" if mobile else "fixed",
        rhythm=dice.index(RHYTHM_COUNT),
        friend_logit=friend,
        stranger_logit=friend - gap,
        ring_s=dice.lognormal(7.5 if mobile else 9.5, 0.35),
        voicemail_s=dice.between((12.0, 32.0)) if voicemail else None,
        off=operator.unreachable * dice.lognormal(1.0, 0.8) if mobile else 0.003,
        waiting=dice.chance(0.7 if mobile else 0.25),
        capacity=1,
        curiosity=min(0.6, operator.callback_stranger * dice.lognormal(1.0, 0.8)),
        declines=dice.between((0.05, 0.45)) if mobile else 0.01,
        screened=dice.chance(operator.screening),
    )


def office_line(dice: Dice, operator: Operator, number: str, *, channels: int) -> Line:
    """A firm's number: a receptionist or a menu answers nearly always, and nobody calls back on a whim."""
    menu = dice.chance(0.4)
    return Line(
        number=number,
        sort="office",
        rhythm=0,
        friend_logit=2.2 if menu else 1.3 + 0.5 * operator.answer_shift,
        stranger_logit=2.2 if menu else 1.1 + 0.5 * operator.answer_shift,
        ring_s=dice.lognormal(1.5 if menu else 6.0, 0.3),
        voicemail_s=dice.between((18.0, 35.0)) if dice.chance(0.3) else None,
        off=0.002,
        waiting=False,
        capacity=channels,
        curiosity=0.0,
        declines=0.0,
        screened=False,
    )


def premium_line(number: str) -> Line:
    """A revenue-share number: answers at once, with a recording made to keep the caller on the line."""
    return Line(number, "premium", 0, 4.0, 4.0, 1.0, None, 0.0, False, 500, 0.0, 0.0, False)
