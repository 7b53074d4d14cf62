"""How a call is placed and taken: what the caller brings along, whatever the callee then does."""

from __future__ import annotations

from dataclasses import dataclass

from .draws import Draws

CALLER, CALLEE, NOBODY = 0, 1, 2


@dataclass(slots=True)
class Behaviour:
    """The parameters of calls of one purpose. Shares are from 0 to 1.

    ``ring_s``: how long the caller lets it ring: mean, standard deviation, least, most.
    ``talk_log_s``: mu and sigma of the lognormal duration; ``script_s``: mean and standard deviation of an
    announcement that four in five calls follow instead, None without.
    ``refused_soon``: share of answered calls whose callee hangs up within seconds;
    ``callee_hangs_up``: share of the others that the callee ends.
    ``answer_shift``: added to the log odds that a callee answers; ``recognised``: share of callees that
    expect the call although they do not know the number.
    ``voicemail_listened``: share of voicemail greetings listened to; ``detects_machines``: hangs up on the
    others.
    ``redial``: share of unsuccessful calls that are repeated, after ``redial_log_s`` (lognormal), at most
    ``redials`` times. ``called_back``: share of missed calls that the callee returns.
    """

    ring_s: tuple[float, float, float, float] = (24, 8, 6, 60)
    talk_log_s: tuple[float, float] = (4.25, 1.25)
    callee_hangs_up: float = 0.5
    answer_shift: float = 0.0
    recognised: float = 0.0
    voicemail_listened: float = 0.3
    redial: float = 0.22
    redial_log_s: tuple[float, float] = (5.3, 1.0)
    redials: int = 2
    called_back: float = 0.05
    detects_machines: bool = False
    script_s: tuple[float, float] | None = None
    refused_soon: float = 0.0

    def patience_s(self, draws: Draws) -> float:
        """How long this caller lets it ring this time."""
        mean, deviation, least, most = self.ring_s
        return min(most, max(least, draws.gauss(mean, deviation)))

    def talk(self, draws: Draws) -> tuple[float, int]:
        """Duration in s of an answered call, and who hangs up."""
        if self.refused_soon and draws.random() < self.refused_soon:
            return min(90, max(0.8, draws.lognormvariate(2.1, 0.8))), CALLEE
        if self.script_s and draws.random() < 0.8:
            script_s = max(2, draws.gauss(*self.script_s))
            return script_s, CALLER if draws.random() > self.callee_hangs_up else CALLEE
        talk_s = min(5400, max(0.6, draws.lognormvariate(*self.talk_log_s)))
        return talk_s, CALLEE if draws.random() < self.callee_hangs_up else CALLER


HOME = Behaviour()
TEENAGER = Behaviour(talk_log_s=(3.9, 1.5), ring_s=(18, 9, 3, 45), redial=0.35)
ELDERLY = Behaviour(talk_log_s=(4.9, 1.0), ring_s=(35, 12, 10, 70), redial=0.3)
#: A missed call as a sign: "I have arrived".
FLASH = Behaviour(ring_s=(4, 1.5, 1.5, 8), redial=0, called_back=0.3)
#: Somebody returns a call that was missed.
CALL_BACK = Behaviour(talk_log_s=(3.7, 1.2), redial=0.12, called_back=0.03)
