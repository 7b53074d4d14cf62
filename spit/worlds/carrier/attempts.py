"""What a caller intends: one call with the manner in which it is made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from spit.worlds.carrier.lines import Line
from spit.worlds.carrier.sender import Sender


@dataclass(frozen=True)
class Label:
    """Truth about a call."""

    kind: str
    strength: str = ""
    campaign: str = ""

    @property
    def spam(self) -> bool:
        """Only campaigns are named."""
        return bool(self.campaign)


@dataclass(frozen=True)
class Style:
    """How a caller behaves. Times are medians in seconds, the rest chances per call.

    - ``talk_s``, ``talk_sigma``: a conversation that both sides want; lognormal, as measured holding times
      are.
    - ``reject``, ``reject_s``: a person who did not expect the call ends it early, and when.
    - ``abandon``: answered with nobody there, as predictive diallers do (US rule: at most 3 % of answered
      calls).
    - ``message``, ``message_s``: speaking to voicemail; otherwise the caller hangs up on hearing it.
    - ``patience_s``, ``patience_sigma``: how long the caller lets it ring.
    - ``expected``: a callee who does not have the number among contacts expects the call all the same.
    - ``appeal``: factor on the chance that strangers answer (a local number, a known brand).
    - ``redial_busy``, ``redial_missed``, ``redial_s``, ``tries``: trying again.
    - ``caller_ends``: the caller ends the conversation.
    - ``returns``: factor on the chance that a missed call is returned.
    - ``social``: talk stretches with the callee's own chattiness.
    """

    talk_s: float = 90.0
    talk_sigma: float = 1.1
    reject: float = 0.5
    reject_s: float = 9.0
    abandon: float = 0.0
    message: float = 0.3
    message_s: float = 22.0
    patience_s: float = 28.0
    patience_sigma: float = 0.35
    expected: float = 0.0
    appeal: float = 1.0
    redial_busy: float = 0.1
    redial_missed: float = 0.05
    redial_s: float = 300.0
    tries: int = 3
    caller_ends: float = 0.5
    returns: float = 1.0
    social: bool = False


@dataclass(frozen=True)
class Attempt:
    """One call to be made. ``verdict`` fixes outcome and status where the network decides before any callee
    does."""

    time_s: float
    sender: Sender
    number: str
    callee: str
    style: Style
    label: Label
    method: str = "INVITE"
    tries: int = 0
    origin: Line | None = None
    verdict: tuple[str, int] | None = None

    def again(self, time_s: float) -> Attempt:
        """The next try of the same call."""
        return replace(self, time_s=time_s, tries=self.tries + 1)

    def later(self, time_s: float) -> Attempt:
        """The same try, postponed."""
        return replace(self, time_s=time_s)
