"""Finished calls with the verdict at their attempt: gathered as they end, flushed to files by a thread.

With a saved state, rows leave the buffer for a numbered part at the moment of a save, and the part is written
to its files once that state counts. After a crash the state still has the part, so that it is written again
where it is missing, and the journal gives what came after it: every call of accepted events is in the files
once. Without a saved state parts are written when they are due, and a crash loses what was buffered.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from spit.engine import checkpoint
from spit.engine.callers import LABELS
from spit.engine.scored import Scored
from spit.engine.what_if import actions
from spit.errors import ConfigError, InputError
from spit.export.prometheus import Sample
from spit.records import RECORD_SCHEMA, EventKind
from spit.storage.call_files import CallFiles, all_parts
from spit.storage.call_queries import View
from spit.storage.pseudonyms import Pseudonyms

#: Attempts remembered until their call ends; the oldest leave first.
MAX_OPEN = 200_000
#: Calls held in memory while they can't be written, in flushes; then the oldest are dropped and counted.
MAX_FLUSHES_HELD = 4
#: Verdicts of open calls that are copied, made into columns and given back at a time: questions wait then.
_VERDICTS_AT_ONCE = 4096
_TICK_S = 1.0
_MAINTAIN_S = 60.0
_PENDING = "records-pending.arrow"
_OPEN = "records-open.arrow"
_PENDING_SCHEMA = RECORD_SCHEMA.append(pa.field("part", pa.int64(), nullable=False))
_OPEN_SCHEMA = pa.schema(
    [
        pa.field("call_id", pa.string()),
        pa.field("label", pa.string()),
        pa.field("score", pa.float64()),
        pa.field("action", pa.string()),
        pa.field("model", pa.string()),
    ]
)
_VERDICT_NAMES = _OPEN_SCHEMA.names[1:]
#: Of an attempt, for its verdict and action.
_NEEDED = ["call_id", "caller", "callee", "exemption"]
#: Label, score, action, model.
_Verdict = tuple[str, float, str, str]

_log = logging.getLogger("spit.records")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLimits:
    """When rows are flushed, and what is kept. 0: no limit of that kind (retention, bytes)."""

    flush_s: float = 60.0
    flush_rows: int = 50_000
    retention_days: int = 30
    max_bytes: int = 0


@dataclass(slots=True)
class _Part:
    """Rows that go into files together. ``counts``: a saved state has it, or none is kept."""

    number: int
    calls: pa.Table
    counts: bool


class _FrozenRecords:
    """As ``moments.Frozen``."""

    def __init__(
        self,
        parts: list[_Part],
        buffered: list[pa.RecordBatch],
        verdicts: deque[list[tuple[str, _Verdict]]],
        saved: Callable[[list[_Part]], None],
    ) -> None:
        self._parts = parts
        self._buffered = buffered
        self._verdicts = verdicts
        self._saved = saved

    def write(self, snapshot: Path) -> None:
        tables = [(part.number, part.calls) for part in self._parts]
        tables.append((0, pa.Table.from_batches(self._buffered, RECORD_SCHEMA)))
        numbered = [
            table.append_column(_PENDING_SCHEMA.field("part"), pa.array(np.full(table.num_rows, number)))
            for number, table in tables
        ]
        checkpoint.write_batch(snapshot / _PENDING, _one_batch(pa.concat_tables(numbered)))
        batches = []
        while self._verdicts:
            batches.append(_open_batch(self._verdicts.popleft()))
        checkpoint.write_batch(snapshot / _OPEN, _one_batch(pa.Table.from_batches(batches, _OPEN_SCHEMA)))

    def saved(self) -> None:
        self._saved(self._parts)


class CallRecords:
    """Observes an engine (``Engine(saved=...)``) and keeps its finished calls. Thread-safe.

    ``wait_for_save``: whether a state is saved, whose saves say when parts may be written. ``clock``:
    seconds, monotonic; ``wall_s``: epoch seconds. ``on_full`` is called when rows should be flushed
    before their time.
    Raises ConfigError where another process writes to the folder.
    """

    def __init__(
        self,
        files: CallFiles,
        limits: RecordLimits,
        *,
        pseudonyms: Pseudonyms | None = None,
        wait_for_save: bool,
        clock: Callable[[], float],
        wall_s: Callable[[], float],
    ) -> None:
        self._files = files
        self._limits = limits
        self.pseudonyms = pseudonyms
        self._wait_for_save = wait_for_save
        self._clock = clock
        self._wall_s = wall_s
        self.on_full: Callable[[], None] = lambda: None
        self._lock = threading.Lock()
        self._buffer: list[pa.RecordBatch] = []
        self._rows = 0
        self._since_s = 0.0  # when the oldest row of the buffer came
        self._parts: deque[_Part] = deque()
        self._open: OrderedDict[str, _Verdict] = OrderedDict()
        self._flush_now = False
        self._failing = False
        self._maintained_s = clock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="records", daemon=True)
        self._written = self._dropped = self._failures = self._unknown = 0
        self._next = 1
        self._opened = False
        self._opening = threading.Lock()
        self._open_files()

    def observe(self, events: pa.RecordBatch, scored: Scored) -> None:
        """Remember the verdicts of attempts; buffer the calls that have ended."""
        ends = events.filter(pc.equal(events["event"], EventKind.END.value))
        with self._lock:
            self._remember(scored)
            if ends.num_rows:
                self._add(ends)
            full = self._rows >= self._limits.flush_rows
        if full and self._wait_for_save:
            self.on_full()

    def freeze(self) -> _FrozenRecords:
        """For a saved state: what is in no file, and the verdicts of open calls."""
        with self._lock:
            self._flush_if_due(counts=False)
            held, verdicts = iter(self._open.items()), deque[list[tuple[str, _Verdict]]]()
            while part := list(islice(held, _VERDICTS_AT_ONCE)):
                verdicts.append(part)
            return _FrozenRecords(list(self._parts), list(self._buffer), verdicts, self._mark_saved)

    def restore(self, snapshot: Path) -> None:
        """Go on from what was frozen. Raises InputError; nothing is changed then."""
        if not (snapshot / _PENDING).exists():  # no calls were kept then
            return
        pending = checkpoint.read_batch(snapshot / _PENDING)
        verdicts = checkpoint.read_batch(snapshot / _OPEN)
        if not pending.schema.equals(_PENDING_SCHEMA) or not verdicts.schema.equals(_OPEN_SCHEMA):
            raise InputError(f"{snapshot}: expected call records of this version, found others")
        numbers = pending["part"].to_numpy()
        calls = pending.select(RECORD_SCHEMA.names)
        with self._lock:
            for number in np.unique(numbers[numbers > 0]).tolist():
                rows = calls.filter(pa.array(numbers == number))
                self._parts.append(_Part(number, pa.Table.from_batches([rows], RECORD_SCHEMA), counts=True))
                self._next = max(self._next, number + 1)
            rest = calls.filter(pa.array(numbers == 0))
            if rest.num_rows:
                self._buffer.append(pa.RecordBatch.from_arrays(rest.columns, schema=RECORD_SCHEMA))
                self._rows = rest.num_rows
            for call_id, *verdict in zip(*(column.to_pylist() for column in verdicts.columns), strict=True):
                label, score, action, model = verdict
                self._open[call_id] = (label, score, action, model)
            self._since_s = self._clock()

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def flush_at_save(self) -> None:
        """The next save takes all rows, due or not."""
        self._open_files_later()
        with self._lock:
            self._flush_now = True

    def close(self, timeout_s: float) -> None:
        """Write what may be written, and stop. Without a saved state that is everything."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        with self._lock:
            self._flush_now = True
        self.write_due()
        self._files.close()

    def write_due(self) -> None:
        """Write the parts that may be written; what fails is tried again at the next call."""
        self._open_files_later()
        if not self._wait_for_save:
            with self._lock:
                self._flush_if_due(counts=True)
        while self._opened:
            with self._lock:
                part = self._parts[0] if self._parts and self._parts[0].counts else None
            if part is None:
                return
            try:
                self._files.write(part.calls, part.number)
            except (OSError, pa.ArrowException) as error:
                self._fail(error)
                return
            if self._failing:
                _log.warning("call records are written again")
            self._failing = False
            with self._lock:
                if self._parts and self._parts[0] is part:  # else it was dropped meanwhile
                    self._parts.popleft()
                    self._written += part.calls.num_rows

    def maintain(self) -> None:
        """Merge small files and remove what is too old or too much."""
        try:
            self._files.merge()
            self._files.expire(
                wall_s=self._wall_s(),
                retention_days=self._limits.retention_days,
                max_bytes=self._limits.max_bytes,
            )
        except (OSError, pa.ArrowException) as error:
            self._fail(error)

    def view(self, since_s: float | None, until_s: float | None) -> View:
        """All calls, each once: in files or not."""
        with self._lock:
            held = [part.calls for part in self._parts]
            held.append(pa.Table.from_batches(self._buffer, RECORD_SCHEMA))
            # Parts in memory may be in files already, and what is buffered may be when they are listed.
            first_held = min((part.number for part in self._parts), default=self._next)
        try:
            files = [part for _, part in all_parts(self._files.directory, since_s, until_s)]
        except OSError:
            files = []  # the folder is gone; what is in memory is answered
        return View([part for part in files if part.last < first_held], pa.concat_tables(held))

    def samples(self) -> list[Sample]:
        """For /metrics."""
        with self._lock:
            buffered = self._held_rows()
        counted = (
            ("spit_records_written_total", "call records written to files", self._written),
            (
                "spit_records_dropped_total",
                "call records dropped because none could be written",
                self._dropped,
            ),
            ("spit_records_without_verdict_total", "ended calls whose attempt was not known", self._unknown),
            ("spit_records_write_failures_total", "times the files could not be written", self._failures),
            ("spit_records_files_merged_total", "files merged into larger ones", self._files.files_merged),
            ("spit_records_hours_expired_total", "hours of calls removed", self._files.hours_expired),
        )
        return [
            *(Sample(name, "counter", words, value) for name, words, value in counted),
            Sample("spit_records_buffered", "gauge", "call records in no file yet", buffered),
        ]

    def _open_files(self) -> None:
        """Once; where it fails it is tried again. Raises ConfigError."""
        with self._opening:
            if self._opened:
                return
            try:
                highest = self._files.open()
            except OSError as error:
                self._fail(error)
                return
            with self._lock:
                self._next = max(self._next, highest + 1)
                self._opened = True

    def _open_files_later(self) -> None:
        try:
            self._open_files()
        except ConfigError as error:  # another process was faster
            self._fail(error)

    def _remember(self, scored: Scored) -> None:
        if len(scored) == 0:
            return
        attempts = scored.batch.select(_NEEDED).take(pa.array(scored.rows))
        labels = [LABELS[rank].value for rank in scored.label_rank.tolist()]
        rows = zip(
            attempts["call_id"].to_pylist(),
            labels,
            scored.score.tolist(),
            actions(scored, attempts).tolist(),
            strict=True,
        )
        for call_id, label, score, action in rows:
            self._open[call_id] = (label, score, str(action), scored.model)
            self._open.move_to_end(call_id)
        while len(self._open) > MAX_OPEN:
            self._open.popitem(last=False)

    def _add(self, ends: pa.RecordBatch) -> None:
        verdicts = [self._open.pop(call_id, None) for call_id in ends["call_id"].to_pylist()]
        self._unknown += sum(verdict is None for verdict in verdicts)
        columns = []
        for one in RECORD_SCHEMA:
            if one.name in _VERDICT_NAMES:
                at = _VERDICT_NAMES.index(one.name)
                columns.append(pa.array([None if v is None else v[at] for v in verdicts], one.type))
            elif one.name in ("start_time", "end_time"):
                columns.append(pc.divide(ends[f"{one.name}_us"].cast(pa.float64()), 1e6))
            else:
                columns.append(ends[one.name])
        calls = pa.RecordBatch.from_arrays(columns, schema=RECORD_SCHEMA)
        if self.pseudonyms is not None:
            calls = self.pseudonyms.replace(calls)
        if not self._buffer:
            self._since_s = self._clock()
        self._buffer.append(calls)
        self._rows += calls.num_rows
        while self._held_rows() > MAX_FLUSHES_HELD * self._limits.flush_rows:
            self._drop_oldest()

    def _held_rows(self) -> int:
        return self._rows + sum(int(part.calls.num_rows) for part in self._parts)

    def _drop_oldest(self) -> None:
        if self._parts:
            self._dropped += self._parts.popleft().calls.num_rows
        else:
            batch = self._buffer.pop(0)
            self._rows -= batch.num_rows
            self._dropped += batch.num_rows

    def _flush_if_due(self, *, counts: bool) -> None:
        is_due = (
            self._flush_now
            or self._rows >= self._limits.flush_rows
            or self._clock() - self._since_s >= self._limits.flush_s
        )
        # Before the folder is open nobody knows which numbers were used.
        if self._buffer and is_due and self._opened:
            calls = pa.Table.from_batches(self._buffer, RECORD_SCHEMA).combine_chunks()
            self._parts.append(_Part(self._next, calls, counts))
            self._next += 1
            self._buffer, self._rows = [], 0

    def _mark_saved(self, parts: list[_Part]) -> None:
        with self._lock:
            for part in parts:
                part.counts = True

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        if not self._failing:
            _log.error("call records cannot be written: %s; they are held until they can", error)
        self._failing = True

    def _run(self) -> None:
        while not self._stop.wait(_TICK_S):
            self.write_due()
            if self._clock() - self._maintained_s >= _MAINTAIN_S:
                self._maintained_s = self._clock()
                self.maintain()


def _open_batch(verdicts: list[tuple[str, _Verdict]]) -> pa.RecordBatch:
    # No tuple for each row: the collector of garbage would look through all of them again and again.
    columns: list[list[str | float]] = [[call_id for call_id, _ in verdicts]]
    columns += [[verdict[i] for _, verdict in verdicts] for i in range(len(_VERDICT_NAMES))]
    arrays = [pa.array(column, one.type) for column, one in zip(columns, _OPEN_SCHEMA, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=_OPEN_SCHEMA)


def _one_batch(table: pa.Table) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
