"""Feedback about single calls: who says so, which call is meant, and how much one voice may say.

Sources: 607 Unwanted (RFC 8197) and 608 Rejected by somebody else (RFC 8688) in the traffic itself, reports
of people, "my last call" (the callee names no call), decoy numbers that nobody has a reason to call, and
appeals. What follows from reports is decided later and elsewhere (feedback_labels.py); here they are only
taken, bounded and written down.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.errors import SpitError
from spit.records import EventKind, Outcome

DAY_US = 86_400_000_000


class FeedbackKind(StrEnum):
    """Where a report comes from."""

    UNWANTED = "unwanted"  # the callee's phone answered 607
    REJECTED = "rejected"  # a network behind us answered 608
    REPORT = "report"  # the callee reports a call
    LAST_CALL = "last_call"  # the callee reports the last call to it
    NOT_SPAM = "not_spam"  # the callee wanted a call
    DECOY = "decoy"  # the call went to a decoy number
    APPEAL = "appeal"  # the caller objects


#: Kinds that the HTTP interface and the command line take; the others are seen in the traffic.
SAID_KINDS = (FeedbackKind.REPORT, FeedbackKind.LAST_CALL, FeedbackKind.NOT_SPAM, FeedbackKind.APPEAL)
_HAM_KINDS = frozenset({FeedbackKind.NOT_SPAM, FeedbackKind.APPEAL})
#: "The last call" may be another one than the person means; another network's 608 is its opinion.
_WEIGHTS = {FeedbackKind.LAST_CALL: 0.8, FeedbackKind.REJECTED: 0.5}

_UNWANTED_STATUS, _REJECTED_STATUS = 607, 608

_log = logging.getLogger("spit.feedback")


class FeedbackError(SpitError):
    """The report cannot be taken: it does not fit the call that it names."""


class UnknownCallError(FeedbackError):
    """No call that the report can mean is remembered."""


class TooManyReportsError(FeedbackError):
    """The reporter has said enough for this day."""


@dataclass(frozen=True, slots=True)
class Report:
    """One voice about one call. ``reporter_hash``: keyed, so that the store names no subscriber."""

    kind: FeedbackKind
    call_id: str
    caller: str
    reporter_hash: str
    time_us: int

    @property
    def label(self) -> str:
        """What it says of the call: spam or ham."""
        return "ham" if self.kind in _HAM_KINDS else "spam"

    @property
    def weight(self) -> float:
        """How much the kind counts, 0 to 1."""
        return _WEIGHTS.get(self.kind, 1.0)


@dataclass(frozen=True, slots=True)
class FeedbackLimits:
    """Bounds. ``last_call_s``: how old the last call may be; ``report_s``: how old a named call may be."""

    reports_per_day: int = 10
    last_call_s: float = 3_600.0
    report_s: float = 7 * 86_400.0
    max_calls: int = 200_000
    max_reporters: int = 200_000


class ReportSink(Protocol):
    """Where reports are written down."""

    def append(self, reports: Sequence[Report], /) -> None: ...


class Feedback:
    """Remembers recent calls and takes reports about them. Thread-safe.

    ``key``: secret of the reporters' hashes. ``decoys``: canonical callees; ``is_decoy`` tells of others at a
    time (epoch µs). ``on_appeal`` is called with each
    appeal that was written down, outside of any lock. At most ``max_calls`` calls and ``max_reporters``
    reporters are remembered; the oldest by event time leave first, and both are counted.
    """

    def __init__(
        self,
        sink: ReportSink,
        *,
        key: bytes,
        decoys: Iterable[str] = (),
        is_decoy: Callable[[str, int], bool] = lambda _callee, _time_us: False,
        limits: FeedbackLimits | None = None,
        on_appeal: Callable[[Report], None] | None = None,
    ) -> None:
        self._sink = sink
        self._key = key
        self._decoys = pa.array(sorted(set(decoys)), pa.string())
        self._is_decoy = is_decoy
        self._limits = limits or FeedbackLimits()
        self._on_appeal = on_appeal
        self._lock = threading.Lock()
        #: call_id: caller, callee, time of its end (or of its attempt while it goes on).
        self._calls: OrderedDict[str, tuple[str, str, int]] = OrderedDict()
        #: callee: the call that ended last.
        self._last: OrderedDict[str, str] = OrderedDict()
        #: reporter: day, and reports on that day.
        self._said: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._counters: dict[str, int] = dict.fromkeys(
            [
                *(f"{kind}_reports" for kind in FeedbackKind),
                "refused",
                "write_failures",
                "calls_evicted",
                "reporters_evicted",
            ],
            0,
        )

    def observe(self, events: pa.RecordBatch, _scored: object = None) -> None:
        """Remember the calls of ``events`` (records.EVENT_SCHEMA, in order); note 607, 608 and decoys.

        Reports that cannot be written down are counted and said: scoring goes on without them.
        """
        kinds = events["event"]
        is_attempt = pc.equal(kinds, EventKind.ATTEMPT.value)
        is_end = pc.equal(kinds, EventKind.END.value)
        rows = np.flatnonzero(pc.or_(is_attempt, is_end).to_numpy(zero_copy_only=False))
        at = pa.array(rows)
        names = ("call_id", "caller", "callee", "destination_ip", "time_us", "final_status", "outcome")
        columns = [events[name].take(at).to_pylist() for name in names]
        ended = is_end.take(at).to_pylist()
        decoy = pc.is_in(events["callee"], value_set=self._decoys).take(at).to_pylist()
        reports = []
        with self._lock:
            for call_id, caller, callee, destination, time_us, status, outcome, over, lure in zip(
                *columns, ended, decoy, strict=True
            ):
                if caller is None or callee is None:
                    continue
                self._remember(call_id, caller, callee, time_us, ended=over)
                kind = None
                if not over and (lure or self._is_decoy(callee, time_us)):
                    kind, reporter = FeedbackKind.DECOY, callee
                elif outcome == Outcome.INCOMPLETE:
                    pass  # our own answer (own_answers.py): nobody said anything
                elif status == _UNWANTED_STATUS:
                    kind, reporter = FeedbackKind.UNWANTED, callee
                elif status == _REJECTED_STATUS:
                    kind, reporter = FeedbackKind.REJECTED, destination or ""
                if kind is not None and (kind is FeedbackKind.DECOY or self._may_say(reporter, time_us)):
                    reports.append(Report(kind, call_id, caller, self._hash(reporter), time_us))
            try:
                self._write(reports)
            except OSError as error:
                if not self._counters["write_failures"]:
                    _log.error("reports cannot be written down: %s", error)
                self._counters["write_failures"] += len(reports)

    def report(
        self,
        kind: FeedbackKind,
        *,
        reporter: str,
        time_us: int,
        call_id: str | None = None,
        caller: str | None = None,
        callee: str | None = None,
    ) -> Report:
        """Take a report of ``reporter`` (canonical identity) and write it down.

        The reporter of ``report``, ``last_call`` and ``not_spam`` is the callee; the call is ``call_id``,
        else its last one, which must be from ``caller`` where that is told. The reporter of ``appeal`` is the
        caller; ``callee`` must be that of the call where it is told. Raises UnknownCallError,
        TooManyReportsError, FeedbackError, and OSError when it cannot be written.
        """
        if kind not in SAID_KINDS:
            raise FeedbackError(f"kind: expected one of {', '.join(SAID_KINDS)}, found {kind}")
        with self._lock:
            try:
                found = self._meant(kind, reporter, time_us, call_id, caller)
                if callee is not None and self._calls[found][1] != callee:
                    raise FeedbackError("callee: expected the callee of that call, found somebody else")
                if not self._may_say(reporter, time_us):
                    raise TooManyReportsError(
                        f"reporter: expected at most {self._limits.reports_per_day} reports a day, found more"
                    )
            except FeedbackError:
                self._counters["refused"] += 1
                raise
            report = Report(kind, found, self._calls[found][0], self._hash(reporter), time_us)
            self._write([report])
        if kind is FeedbackKind.APPEAL and self._on_appeal is not None:
            self._on_appeal(report)
        return report

    def counters(self) -> dict[str, int]:
        """Reports by kind, refusals, calls and reporters held and evicted."""
        with self._lock:
            return {**self._counters, "calls": len(self._calls), "reporters": len(self._said)}

    def _meant(
        self, kind: FeedbackKind, reporter: str, time_us: int, call_id: str | None, caller: str | None
    ) -> str:
        """The Call-ID of the call that is meant."""
        if kind is FeedbackKind.APPEAL:
            if call_id is None:
                raise FeedbackError("call_id: expected the call that the appeal is about, found nothing")
            whose, limit_s = 0, self._limits.report_s
        elif call_id is not None:
            whose, limit_s = 1, self._limits.report_s
        else:
            whose, limit_s = 1, self._limits.last_call_s
            call_id = self._last.get(reporter)
        known = None if call_id is None else self._calls.get(call_id)
        if call_id is None or known is None or time_us - known[2] > limit_s * 1e6:
            raise UnknownCallError(f"expected a call of the last {limit_s:g} s that is meant, found none")
        if known[whose] != reporter:
            side = "caller" if whose == 0 else "callee"
            # Otherwise anybody could speak about calls of others, and about anybody.
            raise FeedbackError(f"reporter: expected the {side} of that call, found somebody else")
        if caller is not None and known[0] != caller:
            raise UnknownCallError(
                f"expected a call from {caller} that is meant, found one from somebody else"
            )
        return call_id

    def _remember(self, call_id: str, caller: str, callee: str, time_us: int, *, ended: bool) -> None:
        self._calls[call_id] = (caller, callee, time_us)
        self._calls.move_to_end(call_id)
        if ended:
            self._last[callee] = call_id
            self._last.move_to_end(callee)
        while len(self._calls) > self._limits.max_calls:
            self._calls.popitem(last=False)
            self._counters["calls_evicted"] += 1
        while len(self._last) > self._limits.max_calls:
            self._last.popitem(last=False)

    def _may_say(self, reporter: str, time_us: int) -> bool:
        day = time_us // DAY_US
        then, count = self._said.get(reporter, (day, 0))
        count = count if then == day else 0
        if count >= self._limits.reports_per_day:
            return False
        self._said[reporter] = (day, count + 1)
        self._said.move_to_end(reporter)
        while len(self._said) > self._limits.max_reporters:
            self._said.popitem(last=False)
            self._counters["reporters_evicted"] += 1
        return True

    def _hash(self, reporter: str) -> str:
        return hashlib.blake2b(reporter.encode(), key=self._key[:64], digest_size=12).hexdigest()

    def _write(self, reports: list[Report]) -> None:
        if reports:
            self._sink.append(reports)
        for report in reports:
            self._counters[f"{report.kind}_reports"] += 1
