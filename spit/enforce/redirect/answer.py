"""What is asked about an INVITE, and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from spit.records import ActionKind, SipAnswer


class AskError(Exception):
    """Nobody could answer; says why. The call goes through."""


class UnreadableInviteError(AskError):
    """The INVITE itself could not be scored; says nothing about whoever was asked."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What policy decided. ``sip``: the response of a reject; ``degraded``: nothing could be scored.

    ``add_headers``: what a tagged call gets, name to value.
    """

    action: ActionKind
    sip: SipAnswer | None = None
    degraded: bool = False
    add_headers: Mapping[str, str] = field(default_factory=dict)


#: The answer when there is none: the call goes through.
FAIL_OPEN = Answer(ActionKind.ALLOW, degraded=True)


class Ask(Protocol):
    """Whoever knows the verdict: an engine in this process or a scorer over HTTP."""

    async def ask(self, invite: bytes, peer_ip: str, source_ip: str | None) -> Answer:
        """The answer for an INVITE.

        ``peer_ip``: the SBC that sent it; ``source_ip``: who sent it to the SBC, where the SBC told. Raises
        AskError. May be cancelled at any time: the time budget is the caller's.
        """

    async def close(self) -> None:
        """Let go of connections and threads."""

    def counters(self) -> dict[str, int]:
        """By name (docs/counters.md)."""
