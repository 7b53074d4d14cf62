"""What the service needs of the engine; ``spit.engine.engine.Engine`` satisfies it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import pyarrow as pa

from spit.policy.policy import Policy
from spit.records import Action, ActionKind, Label, Reason, Verdict


class Assessment(Protocol):
    """What the engine says of one attempt."""

    @property
    def verdict(self) -> Verdict: ...
    @property
    def action(self) -> Action: ...


class CallerSummary(Protocol):
    """What the engine knows of one caller."""

    @property
    def caller(self) -> str: ...
    @property
    def label(self) -> Label: ...
    @property
    def score(self) -> float: ...
    @property
    def action(self) -> ActionKind: ...
    @property
    def reasons(self) -> tuple[Reason, ...]: ...
    @property
    def attempts(self) -> int: ...
    @property
    def flagged_at_attempt(self) -> int | None: ...
    @property
    def first_seen(self) -> float: ...
    @property
    def last_seen(self) -> float: ...
    @property
    def source_ips(self) -> tuple[str, ...]: ...
    @property
    def model(self) -> str: ...
    @property
    def call_ids(self) -> tuple[str, ...]: ...


class Engine(Protocol):
    """Thread-safe: it locks for itself, so the service may call it from any worker thread."""

    @property
    def model_name(self) -> str:
        """``name/version``."""

    @property
    def policy(self) -> Policy:
        """The one in force."""

    def receive(self, events: pa.RecordBatch, agent: str | None = None, number: int = 0) -> bool:
        """Keeps and counts call events (records.EVENT_SCHEMA), a numbered batch of an agent once.

        False when it was counted before. Raises StaleBatchError when that cannot be known any more, and
        JournalError when the events can't be kept.
        """

    def assess(
        self, attempt: pa.RecordBatch | Mapping[str, object], *, observe: bool = False, tenant: str = ""
    ) -> Assessment:
        """Scores exactly one attempt: a batch, or its columns by name; counts it too when ``observe``.

        ``tenant``: whose lists are asked beside those of all.
        """

    def assess_now(self, attempt: Mapping[str, object], *, tenant: str = "") -> Assessment | None:
        """As ``assess`` without observing, in milliseconds at most; None where it had to wait longer."""

    def caller(self, caller: str) -> CallerSummary | None:
        """By canonical identity; None when unknown."""

    def now_us(self) -> int | None:
        """The latest event time seen, epoch µs."""

    def counters(self) -> dict[str, int]:
        """Rows, drops and evictions so far, by name."""
