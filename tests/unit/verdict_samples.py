"""Verdicts of callers, and a listener that remembers what it was told."""

from __future__ import annotations

from spit.enforce.verdicts import CallerVerdict, Standing
from spit.records import ActionKind, Label, Mode

ALICE, BOB = "+12025550100", "+12025550101"
REJECTED = Standing(Label.SPAM, ActionKind.REJECT, ActionKind.REJECT)
TAGGED = Standing(Label.SUSPECT, ActionKind.TAG, ActionKind.TAG)
WOULD_REJECT = Standing(Label.SPAM, ActionKind.ALLOW, ActionKind.REJECT)


def verdict(caller: str, standing: Standing, at_s: float, *, ttl_s: int = 300) -> CallerVerdict:
    """The verdict of an attempt at that time."""
    return CallerVerdict(
        caller=caller,
        standing=standing,
        mode=Mode.MONITOR if standing == WOULD_REJECT else Mode.ENFORCE,
        score=0.97,
        symbols=("CALLER_RATE",),
        attempts=3,
        model="rate/1",
        ttl_s=ttl_s,
        time_us=int(at_s * 1_000_000),
        seen_us=int(at_s * 1_000_000),
    )


class Heard:
    """A listener of a feed."""

    def __init__(self) -> None:
        self.changes: list[CallerVerdict] = []
        self.renewals: list[CallerVerdict] = []

    def changed(self, verdict: CallerVerdict) -> None:
        self.changes.append(verdict)

    def renewed(self, verdict: CallerVerdict) -> None:
        self.renewals.append(verdict)
