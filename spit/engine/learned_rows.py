"""The rows to learn from, gathered from a stream of call events within a bound of memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit._core import Names, hash_keys
from spit.engine.call_labels import UNLABELLED, CallLabels
from spit.features.table import FeatureTable

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

#: Every one of a caller's first attempts is kept, then ever fewer: 4 between n and 2n.
FIRST_ROWS = 30
_ROWS_PER_DOUBLING = 4
#: Rows kept in all. Beyond, half of the callers of the larger class are left out and the rest counts double.
MAX_ROWS = 1_000_000
#: Attempts whose features are kept for the reference of drift, labelled or not.
REFERENCE_ROWS = 50_000
_SAMPLE_SALT = 43


@dataclass(frozen=True, slots=True)
class LearnedRows:
    """``values`` float32[n, F], ``spam`` bool[n], ``callers`` uint64[n] (a key per caller), ``times_us``
    int64[n], ``weights`` float64[n]; ``reference`` float32[m, F]: a sample of all attempts. ``attempts`` and
    ``labelled``: seen; ``calls_spam``: labelled spam; ``callers_seen``: callers with a label."""

    values: F32
    spam: Mask
    callers: U64
    times_us: I64
    weights: F64
    reference: F32
    attempts: int
    labelled: int
    calls_spam: int
    callers_seen: int


class RowGatherer:
    """Keeps at most ``max_rows`` labelled attempts, thinned per caller, and a sample of all attempts."""

    def __init__(self, labels: CallLabels, *, max_rows: int = MAX_ROWS) -> None:
        self._labels = labels
        self._max_rows = max_rows
        self._names = Names()
        self._counts: I64 = np.zeros(1024, np.int64)
        self._parts: list[tuple[F32, Mask, U64, I64, F64]] = []
        self._rows = 0
        #: Per class (legitimate, spam): a caller is kept when its key has so many low bits of zero.
        self._halvings = [0, 0]
        self._reference: list[F32] = []
        self._stride = 1
        self._sampled = 0
        self._attempts = self._labelled = self._spam = 0

    def add(self, attempts: pa.RecordBatch, values: F32) -> None:
        """n attempts in order (columns ``call_id``, ``caller``, ``time_us``) and their features."""
        self._sample(values)
        self._attempts += attempts.num_rows
        label, weight = self._labels.find(attempts)
        at = np.flatnonzero(label != UNLABELLED)
        self._labelled += len(at)
        self._spam += int((label[at] == 1).sum())
        if len(at) == 0:
            return
        callers = attempts["caller"].take(pa.array(at)).fill_null("")
        rank = self._ranks(callers)
        keys, spam = caller_keys(callers), label[at] == 1
        keep = np.flatnonzero(is_kept(rank) & self._is_sampled(keys, spam) & (weight[at] > 0))
        rows = at[keep]
        times_us = attempts["time_us"].to_numpy()[rows]
        self._parts.append((values[rows], spam[keep], keys[keep], times_us, weight[rows]))
        self._rows += len(rows)
        while self._rows > self._max_rows:
            self._halve()

    def result(self) -> LearnedRows:
        """What has been kept."""
        width = len(FeatureTable.names)
        empty = (
            np.empty((0, width), np.float32),
            np.empty(0, np.bool_),
            np.empty(0, np.uint64),
            np.empty(0, np.int64),
            np.empty(0),
        )
        values, spam, callers, times_us, weights = (
            np.concatenate(parts) for parts in zip(*(self._parts or [empty]), strict=True)
        )
        counted = weights * np.exp2(np.where(spam, self._halvings[1], self._halvings[0]))
        return LearnedRows(
            values=values,
            spam=spam,
            callers=callers,
            times_us=times_us,
            weights=counted,
            reference=np.concatenate(self._reference or [empty[0]])[:REFERENCE_ROWS],
            attempts=self._attempts,
            labelled=self._labelled,
            calls_spam=self._spam,
            callers_seen=len(self._names),
        )

    def _ranks(self, callers: pa.Array) -> I64:
        """How many labelled attempts of its caller came before each row."""
        slots, _ = self._names.claim(callers)
        top = int(slots.max()) + 1
        if top > len(self._counts):
            grown = np.zeros(max(top, 2 * len(self._counts)), np.int64)
            grown[: len(self._counts)] = self._counts
            self._counts = grown
        order = np.argsort(slots, kind="stable")
        ordered = slots[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        lengths = np.diff(np.r_[starts, len(ordered)])
        rank = np.empty(len(slots), np.int64)
        rank[order] = self._counts[ordered] + np.arange(len(ordered)) - np.repeat(starts, lengths)
        self._counts[ordered[starts]] += lengths
        return rank

    def _is_sampled(self, keys: U64, spam: Mask) -> Mask:
        bits = np.where(spam, self._halvings[1], self._halvings[0]).astype(np.uint64)
        sampled: Mask = keys & ((np.uint64(1) << bits) - np.uint64(1)) == 0
        return sampled

    def _halve(self) -> None:
        spam_rows = sum(int(part[1].sum()) for part in self._parts)
        self._halvings[int(spam_rows > self._rows - spam_rows)] += 1
        kept = []
        for part in self._parts:
            keep = self._is_sampled(part[2], part[1])
            kept.append(tuple(column[keep] for column in part))
        self._parts = kept  # type: ignore[assignment]  # the same five columns
        self._rows = sum(len(part[0]) for part in self._parts)

    def _sample(self, values: F32) -> None:
        """Every ``stride``-th attempt; the stride doubles whenever there would be too many."""
        first = -self._attempts % self._stride
        self._reference.append(values[first :: self._stride].copy())
        self._sampled += len(self._reference[-1])
        while self._sampled > REFERENCE_ROWS:
            self._stride *= 2
            self._reference = [np.concatenate(self._reference)[::2].copy()]
            self._sampled = len(self._reference[0])


def caller_keys(callers: pa.Array) -> U64:
    """uint64[n]: the same for the same caller, all callers without a name being one."""
    return hash_keys(callers.fill_null(""), _SAMPLE_SALT)


def is_kept(rank: I64) -> Mask:
    """Whether a caller's attempt number ``rank`` (from 0) is kept, whatever comes after it."""
    later = np.log2(np.maximum(rank, FIRST_ROWS) / FIRST_ROWS) * _ROWS_PER_DOUBLING
    before = np.log2(np.maximum(rank - 1, FIRST_ROWS) / FIRST_ROWS) * _ROWS_PER_DOUBLING
    kept: Mask = (rank < FIRST_ROWS) | (np.floor(later) > np.floor(before))
    return kept


def gather_rows(events: Iterable[pa.RecordBatch], labels: CallLabels) -> LearnedRows:
    """Fold ``events`` (in time order) from an empty state and keep the rows to learn from."""
    table, gatherer = FeatureTable(), RowGatherer(labels)
    for batch in events:
        found = table.observe(batch)
        at = pa.array(found.rows)
        columns = {name: batch[name].take(at) for name in ("call_id", "caller", "time_us")}
        gatherer.add(pa.record_batch(columns), found.values)
    return gatherer.result()
