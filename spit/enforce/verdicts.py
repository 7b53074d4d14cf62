"""What is said of a caller, as it leaves this process: one record for streams, webhooks and pushed lists."""

from __future__ import annotations

import json
from dataclasses import dataclass

from spit.records import ActionKind, Label, Mode

#: Longer identities are no telephone numbers and no addresses that somebody could list.
MAX_CALLER_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Standing:
    """The part of a verdict whose change is told.

    ``action`` is what is carried out, ``would_action`` what enforcing would do (the same in enforce mode).
    """

    label: Label
    action: ActionKind
    would_action: ActionKind

    @property
    def is_clear(self) -> bool:
        """Nothing is said against the caller, and nothing would be done."""
        return self.label is Label.LEGIT and self.would_action is ActionKind.ALLOW

    @property
    def is_enforced(self) -> bool:
        """Something is done: never in monitor mode."""
        return self.action is not ActionKind.ALLOW

    def document(self) -> dict[str, object]:
        """As JSON tells it."""
        return {
            "label": self.label.value,
            "action": self.action.value,
            "would_action": self.would_action.value,
        }


CLEAR = Standing(Label.LEGIT, ActionKind.ALLOW, ActionKind.ALLOW)


@dataclass(frozen=True, slots=True)
class CallerVerdict:
    """A caller's verdict since ``time_us``; ``seen_us``: the attempt that confirmed it (event times, µs).

    ``sequence``: its place in the feed, 0 before it has one. ``was``: the verdict before, CLEAR for a caller
    of whom nothing was said. ``ttl_s``: for how long it holds after ``seen_us``.
    """

    caller: str
    standing: Standing
    mode: Mode
    score: float
    symbols: tuple[str, ...]
    attempts: int
    model: str
    ttl_s: int
    time_us: int
    seen_us: int
    sequence: int = 0
    was: Standing = CLEAR

    def expires_us(self, ttl_s: int = 0) -> int:
        """When it no longer holds; ``ttl_s``: another lifetime than its own, 0 for its own.

        What nobody may remember (its own is 0) holds for no time, whatever others would like.
        """
        return self.seen_us + ((ttl_s or self.ttl_s) if self.ttl_s else 0) * 1_000_000

    def document(self) -> dict[str, object]:
        """As JSON tells it."""
        return {
            "sequence": self.sequence,
            "time": self.time_us / 1e6,
            "caller": self.caller,
            **self.standing.document(),
            "mode": self.mode.value,
            "score": round(self.score, 6),
            "reasons": list(self.symbols),
            "attempts": self.attempts,
            "model": self.model,
            "ttl_s": self.ttl_s,
            "was": self.was.document(),
        }

    def to_json(self) -> str:
        """``document`` on one line of ASCII."""
        return json.dumps(self.document(), separators=(",", ":"), allow_nan=False)


def is_listable(caller: str) -> bool:
    """Whether lists of others can name this caller: printable, without blanks, not endless."""
    return 0 < len(caller) <= MAX_CALLER_CHARACTERS and caller.isprintable() and " " not in caller
