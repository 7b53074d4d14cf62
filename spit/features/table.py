"""The feature table: folds events in order and answers what was known before each attempt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit import _core
from spit.features import block, callee, caller, fingerprint, identity, origid, pair, source, state_files
from spit.features.columns import (
    AttemptColumns,
    EndColumns,
    EventKeys,
    column,
    pick_attempts,
    pick_ends,
    select_events,
)
from spit.features.declare import (
    F64,
    Contribution,
    Feature,
    LastDeclaration,
    Mask,
    PairsDeclaration,
    Stage,
    SumsDeclaration,
)

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

#: Every feature, in the order of the columns.
FEATURES: tuple[Feature, ...] = (
    *caller.FEATURES,
    *fingerprint.FEATURES,
    *source.FEATURES,
    *callee.FEATURES,
    *block.FEATURES,
    *origid.FEATURES,
    *pair.FEATURES,
    *identity.FEATURES,
)
SUMS: tuple[SumsDeclaration, ...] = (
    *caller.SUMS,
    *fingerprint.SUMS,
    *source.SUMS,
    *callee.SUMS,
    *block.SUMS,
    *origid.SUMS,
)
LASTS: tuple[LastDeclaration, ...] = (caller.LAST, fingerprint.LAST)
PAIRS: tuple[PairsDeclaration, ...] = (pair.CONTACTS, fingerprint.CALLERS, fingerprint.CALLEES)

#: A pair takes 16 bytes where a key takes hundreds, and there are more of them.
_PAIRS_PER_KEY = 4
_PAIR_KEYS: tuple[str, ...] = tuple(key for d in PAIRS for key in (d.key, d.reverse_key) if key is not None)
_KEYS: tuple[str, ...] = tuple(sorted({d.key for d in SUMS} | {d.key for d in LASTS}))


def schema_hash(features: tuple[Feature, ...] = FEATURES) -> str:
    """SHA-256 over name, unit, window, version and formula of the features, in order."""
    return hashlib.sha256("\n".join(feature.identity for feature in features).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """The features of the attempts of a batch.

    ``rows``: row numbers of the attempts in the batch, int64 [n]. ``values``: float32 [n, F], always finite.
    """

    rows: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]


class _Reads:
    """What the primitives knew before each attempt (declare.Reads)."""

    def __init__(self, attempts: AttemptColumns) -> None:
        self._attempts = attempts
        self._totals: dict[str, F64] = {}

    def add(self, sums: SumsDeclaration, keys: U64, answer: F64) -> None:
        """``answer``: [attempts, windows * contributions]; NaN rows (no key) read as nothing known."""
        answer[keys == 0] = 0.0
        self._totals[sums.name] = np.ascontiguousarray(answer.T)

    def total(self, sums: SumsDeclaration, contribution: Contribution, window_s: float) -> F64:
        totals: F64 = self._totals[sums.name][sums.column(contribution, window_s)]
        return totals

    def column(self, name: str) -> F64:
        return self._attempts.value(name)


class FeatureTable:
    """Folds call events and reads features. One writer; readers between batches.

    All state lies in the primitives. However the events are cut into batches, the features are the same.
    """

    names: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
    schema_hash: str = schema_hash()

    def __init__(self, *, max_keys: int = 1_000_000) -> None:
        """``max_keys``: bound of each primitive; four times as many pairs."""
        self._max_keys = max_keys
        self._sums = {
            d.name: _core.Sums(len(d.contributions), d.windows_s, idle_s=d.idle_s, max_keys=max_keys)
            for d in SUMS
        }
        self._lasts = {d.name: _core.Last(1, idle_s=d.idle_s, max_keys=max_keys) for d in LASTS}
        self._pairs = {
            d.name: _core.Pairs(window_s=d.window_s, max_pairs=_PAIRS_PER_KEY * max_keys) for d in PAIRS
        }

    def observe(self, events: pa.RecordBatch) -> FeatureRows:
        """Folds every event in order; each attempt is read before it updates.

        Raises InputError when a column of records.EVENT_SCHEMA that is needed is missing.
        """
        is_attempt, is_end = select_events(events)
        counted = np.flatnonzero(is_attempt | is_end)
        attempt_rows, end_rows = np.flatnonzero(is_attempt[counted]), np.flatnonzero(is_end[counted])
        times_us = _times_us(events)[counted]
        keys = EventKeys(events)
        singles = {name: keys.single(name)[counted] for name in _KEYS}

        attempts = AttemptColumns(pick_attempts(events, np.flatnonzero(is_attempt)))
        ends = EndColumns(pick_ends(events, np.flatnonzero(is_end)))
        attempt_times_us = times_us[attempt_rows]
        self._fold_contacts(
            attempts, {name: keys.pair(name)[is_attempt] for name in _PAIR_KEYS}, attempt_times_us
        )
        for last in LASTS:
            answer = self._lasts[last.name].fold(
                singles[last.key][attempt_rows],
                attempt_times_us,
                attempts.callee_number[:, np.newaxis].copy(),
                _charged(last, attempts),
            )
            attempts.learn(_last_columns(last, answer))

        reads = _Reads(attempts)
        for sums in SUMS:
            summed = self._sums[sums.name]
            if sums.stage is Stage.ATTEMPT:
                attempt_keys = singles[sums.key][attempt_rows]
                known = summed.fold(attempt_keys, attempt_times_us, _contributions(sums, attempts))
                reads.add(sums, attempt_keys, known)
            else:
                added = np.zeros((len(counted), len(sums.contributions)))
                added[end_rows] = _contributions(sums, ends)
                known = summed.fold(singles[sums.key], times_us, added)
                reads.add(sums, singles[sums.key][attempt_rows], known[attempt_rows])
        return FeatureRows(counted[attempt_rows].astype(np.int64), _evaluate(reads, attempts.count))

    def read(self, attempts: pa.RecordBatch) -> npt.NDArray[np.float32]:
        """What is known of each row at its time, float32 [n, F], without any change.

        Every row is taken as an attempt; no row sees another. Raises InputError as ``observe`` does.
        """
        times_us = _times_us(attempts)
        columns, keys = AttemptColumns(attempts), EventKeys(attempts)
        for contact in PAIRS:
            pairs = self._pairs[contact.name]
            known = {f"{contact.name}_age_s": pairs.read(keys.pair(contact.key), times_us)}
            if contact.reverse_key is not None:
                known[f"{contact.name}_reverse_age_s"] = pairs.read(keys.pair(contact.reverse_key), times_us)
            columns.learn(known)
        singles = {name: keys.single(name) for name in _KEYS}
        for last in LASTS:
            answer = self._lasts[last.name].read(singles[last.key], times_us)
            columns.learn(_last_columns(last, answer))
        reads = _Reads(columns)
        for sums in SUMS:
            reads.add(sums, singles[sums.key], self._sums[sums.name].read(singles[sums.key], times_us))
        return _evaluate(reads, columns.count)

    def states(self) -> list[tuple[str, pa.RecordBatch]]:
        """A copy of the state of each primitive, by name."""
        return [(name, primitive.state()) for name, primitive in self._primitives()]

    def save(self, directory: Path, states: list[tuple[str, pa.RecordBatch]] | None = None) -> None:
        """Writes ``states``, or the state as it is, as Arrow IPC files. A crash keeps the former state."""
        state_files.save(directory, self.states() if states is None else states, self.schema_hash)

    def load(self, directory: Path) -> None:
        """Continues from what ``save`` wrote, bit-exactly when ``max_keys`` is the same.

        Raises InputError when it is damaged or of another schema; the state is then as before.
        """
        fresh = FeatureTable(max_keys=self._max_keys)
        state_files.load(directory, dict(fresh._primitives()), self.schema_hash)
        self._sums, self._lasts, self._pairs = fresh._sums, fresh._lasts, fresh._pairs

    def counters(self) -> dict[str, int]:
        """``NAME_keys``, ``NAME_evicted_idle`` and ``NAME_evicted_full`` of each primitive."""
        return {
            f"{name}_{counter}": value
            for name, primitive in self._primitives()
            for counter, value in primitive.counters().items()
        }

    def _primitives(self) -> Iterator[tuple[str, _core.Sums | _core.Last | _core.Pairs]]:
        yield from self._sums.items()
        yield from self._lasts.items()
        yield from self._pairs.items()

    def _fold_contacts(self, attempts: AttemptColumns, keys: Mapping[str, U64], times_us: I64) -> None:
        for contact in PAIRS:
            pairs, charged = self._pairs[contact.name], _charged(contact, attempts)
            forward = keys[contact.key]
            if contact.reverse_key is None:
                attempts.learn({f"{contact.name}_age_s": pairs.fold(forward, times_us, charged)})
                continue
            # Two rows for each attempt: read the reverse, then read and update the pair itself.
            both = np.column_stack([keys[contact.reverse_key], forward]).ravel()
            update = np.column_stack([np.zeros_like(charged), charged]).ravel()
            answer = pairs.fold(both, np.repeat(times_us, 2), update)
            attempts.learn(
                {f"{contact.name}_reverse_age_s": answer[0::2], f"{contact.name}_age_s": answer[1::2]}
            )


def _times_us(events: pa.RecordBatch) -> I64:
    times_us: I64 = column(events, "time_us").to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return times_us


def _charged(declaration: LastDeclaration | PairsDeclaration, attempts: AttemptColumns) -> Mask:
    return np.ones(attempts.count, np.bool_) if declaration.charges_diverted else ~attempts.diverted


def _last_columns(last: LastDeclaration, answer: F64) -> dict[str, F64]:
    return {f"{last.key}_gap_s": answer[:, 0].copy(), f"{last.key}_last_number": answer[:, 1].copy()}


def _contributions(sums: SumsDeclaration, columns: AttemptColumns | EndColumns) -> F64:
    added = np.empty((columns.count, len(sums.contributions)))
    for i, contribution in enumerate(sums.contributions):
        added[:, i] = contribution.compute(columns)
    if not sums.charges_diverted:
        added[columns.diverted] = 0.0
    return added


def _evaluate(reads: _Reads, count: int) -> npt.NDArray[np.float32]:
    values = np.empty((len(FEATURES), count), np.float32)
    for i, feature in enumerate(FEATURES):
        values[i] = feature.expression.evaluate(reads)
    return np.ascontiguousarray(values.T)
