"""The feature table: folds events in order and answers what was known before each attempt."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit import _core
from spit.features import (
    block,
    callee,
    callee_block,
    caller,
    caller_outcomes,
    fingerprint,
    identity,
    origid,
    pair,
    source,
    state_files,
)
from spit.features import contributions as c
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
    DAY_S,
    F64,
    Contribution,
    Feature,
    LastDeclaration,
    Mask,
    PairsDeclaration,
    SumsDeclaration,
    Term,
)
from spit.features.evaluate import Evaluator

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

#: Every feature, in the order of the columns.
FEATURES: tuple[Feature, ...] = (
    *caller.FEATURES,
    *caller_outcomes.FEATURES,
    *fingerprint.FEATURES,
    *source.FEATURES,
    *callee.FEATURES,
    *caller.CALLEE_OUTBOUND,
    *callee.INBOUND,
    *block.FEATURES,
    *callee_block.FEATURES,
    *origid.FEATURES,
    *pair.FEATURES,
    *identity.FEATURES,
)
#: The caller's come first: they tell who is young, which the others ask.
SUMS: tuple[SumsDeclaration, ...] = (
    *(caller.SUMS, fingerprint.SUMS, source.SUMS, callee.SUMS, block.SUMS, callee_block.SUMS, origid.SUMS),
)
LASTS: tuple[LastDeclaration, ...] = (caller.LAST, fingerprint.LAST, fingerprint.YOUNG_LAST)
PAIRS: tuple[PairsDeclaration, ...] = (pair.CONTACTS, pair.TALKS, fingerprint.CALLERS, fingerprint.CALLEES)

#: A pair takes 16 bytes where a key takes hundreds, and there are more of them.
_PAIRS_PER_KEY = 4
#: Events folded at a time: what stands between the folds and the features fits the processor's caches.
_CHUNK_EVENTS = 4096


def schema_hash(features: tuple[Feature, ...] = FEATURES) -> str:
    """SHA-256 over name, unit, window, version and formula of the features, in order."""
    return hashlib.sha256("\n".join(feature.identity for feature in features).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one key: the sums that features read.

    ``chosen[w]``: numbers of the contributions summed over ``windows_s[w]``; in this order the primitive
    answers. ``terms``: the sums in that order.
    """

    sums: SumsDeclaration
    contributions: tuple[Contribution, ...]
    windows_s: tuple[float, ...]
    chosen: tuple[tuple[int, ...], ...]

    @property
    def terms(self) -> tuple[tuple[Contribution, float], ...]:
        return tuple(
            (self.contributions[i], window_s)
            for window_s, numbers in zip(self.windows_s, self.chosen, strict=True)
            for i in numbers
        )


def kept(sums: SumsDeclaration, features: tuple[Feature, ...] = FEATURES) -> Kept:
    """The sums of a key that ``features`` read, also with the other key."""
    names = {sums.key, sums.as_name}
    read = [t for feature in features for t in feature.expression.terms if t.key in names]
    if sums is caller.SUMS:
        read.append(_CALLER_ATTEMPTS)
    contributions = tuple({t.contribution.name: t.contribution for t in read}.values())
    numbers = {contribution.name: i for i, contribution in enumerate(contributions)}
    windows_s = tuple(sorted({t.window_s for t in read}))
    chosen = (sorted({numbers[t.contribution.name] for t in read if t.window_s == w}) for w in windows_s)
    return Kept(sums, contributions, windows_s, tuple(map(tuple, chosen)))


#: What tells a young caller.
_CALLER_ATTEMPTS = Term("caller", c.ATTEMPTS, DAY_S)
KEPT: tuple[Kept, ...] = tuple(kept(sums) for sums in SUMS)
_YOUNG_COLUMN = KEPT[0].terms.index((c.ATTEMPTS, DAY_S))
#: Every contribution once, though several keys sum it.
_CONTRIBUTIONS: tuple[Contribution, ...] = tuple(
    {contribution.name: contribution for k in KEPT for contribution in k.contributions}.values()
)
_NUMBERS = {contribution.name: i for i, contribution in enumerate(_CONTRIBUTIONS)}
_COLUMNS = [np.array([_NUMBERS[x.name] for x in k.contributions], np.intp) for k in KEPT]
#: The rows of the totals: what each key answers, with its own identity and with the other.
_ROWS: dict[Term, int] = {}
for _k in KEPT:
    for _name in filter(None, (_k.sums.key, _k.sums.as_name)):
        for _contribution, _window_s in _k.terms:
            _ROWS[Term(_name, _contribution, _window_s)] = len(_ROWS)
_EVALUATE = Evaluator(FEATURES, _ROWS)


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """The features of the attempts of a batch.

    ``rows``: row numbers of the attempts in the batch, int64 [n]. ``values``: float32 [n, F], always finite.
    """

    rows: npt.NDArray[np.int64]
    values: npt.NDArray[np.float32]


class _Totals:
    """What the sums knew before each attempt: float64 [sums, attempts], in the order of ``_ROWS``."""

    def __init__(self, count: int) -> None:
        self.values: F64 = np.empty((len(_ROWS), count))
        self._filled = 0

    def add(self, keys: U64, answer: F64) -> None:
        """``answer``: [attempts, sums of a key]; NaN rows (no key) read as nothing known."""
        end = self._filled + answer.shape[1]
        rows = self.values[self._filled : end]
        rows[...] = answer.T
        rows[:, keys == 0] = 0.0
        self._filled = end


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
            k.sums.key: _core.Sums(
                len(k.contributions),
                k.windows_s,
                idle_s=k.sums.idle_s,
                max_keys=max_keys,
                chosen=k.chosen,
            )
            for k in KEPT
        }
        self._lasts = {d.name: _core.Last(2, idle_s=d.idle_s, max_keys=max_keys) for d in LASTS}
        self._pairs = {
            d.name: _core.Pairs(window_s=d.window_s, max_pairs=_PAIRS_PER_KEY * max_keys) for d in PAIRS
        }

    def observe(self, events: pa.RecordBatch) -> FeatureRows:
        """Folds every event in order; each attempt is read before it updates.

        Raises InputError when a column of records.EVENT_SCHEMA that is needed is missing.
        """
        # At least one chunk: a batch without events has features of the right shape, too.
        starts = range(0, max(events.num_rows, 1), _CHUNK_EVENTS)
        parts = [self._observe_chunk(events.slice(start, _CHUNK_EVENTS)) for start in starts]
        rows = [part.rows + start for part, start in zip(parts, starts, strict=True)]
        return FeatureRows(np.concatenate(rows), np.concatenate([part.values for part in parts]))

    def _observe_chunk(self, events: pa.RecordBatch) -> FeatureRows:
        is_attempt, is_end = select_events(events)
        counted = np.flatnonzero(is_attempt | is_end)
        attempt_rows, end_rows = np.flatnonzero(is_attempt[counted]), np.flatnonzero(is_end[counted])
        attempts = AttemptColumns(pick_attempts(events, counted[attempt_rows]))
        ends = EndColumns(pick_ends(events, counted[end_rows]))
        times_us = _times_us(events)[counted]
        keys = {name: values[counted] for name, values in EventKeys(events).items()}
        of_attempts = {name: values[attempt_rows] for name, values in keys.items()}
        attempt_times_us = times_us[attempt_rows]

        self._fold_contacts(attempts, of_attempts, attempt_times_us)
        self._fold_talks(attempts, ends, keys["contact"], times_us, (attempt_rows, end_rows))
        self._fold_lasts(attempts, of_attempts, attempt_times_us, young=False)
        added = np.zeros((len(counted), len(_CONTRIBUTIONS)))
        diverted = np.zeros(len(counted), np.bool_)
        diverted[attempt_rows], diverted[end_rows] = attempts.diverted, ends.diverted
        totals = _Totals(len(attempt_rows))
        done: set[str] = set()
        for k, columns in zip(KEPT, _COLUMNS, strict=True):
            for contribution in k.contributions:
                if contribution.name not in done:
                    done.add(contribution.name)
                    at = _NUMBERS[contribution.name]
                    if contribution.at_attempt is not None:
                        added[attempt_rows, at] = contribution.at_attempt(attempts)
                    if contribution.at_end is not None:
                        added[end_rows, at] = contribution.at_end(ends)
            of_key = added.take(columns, axis=1)
            if not k.sums.charges_diverted:
                of_key[diverted] = 0.0
            answer = self._fold_sums(k, keys, times_us, of_key, attempt_rows, totals)
            if k.sums is caller.SUMS:
                known = answer[:, _YOUNG_COLUMN]
                attempts.learn_attempts(known[attempt_rows])
                ends.learn_attempts(keys["caller"][end_rows] != 0, known[end_rows])
                self._fold_lasts(attempts, of_attempts, attempt_times_us, young=True)
        return FeatureRows(counted[attempt_rows].astype(np.int64), _EVALUATE(totals.values, attempts.value))

    def read(self, attempts: pa.RecordBatch) -> npt.NDArray[np.float32]:
        """What is known of each row at its time, float32 [n, F], without any change.

        Every row is taken as an attempt; no row sees another. Raises InputError as ``observe`` does.
        """
        times_us = _times_us(attempts)
        columns, keys = AttemptColumns(attempts), EventKeys(attempts)
        for contact in PAIRS:
            pairs = self._pairs[contact.name]
            known = {f"{contact.name}_age_s": pairs.read(keys[contact.key], times_us)}
            if contact.reverse_key is not None:
                known[f"{contact.name}_reverse_age_s"] = pairs.read(keys[contact.reverse_key], times_us)
            columns.learn(known)
        for last in LASTS:
            answer = self._lasts[last.name].read(keys[last.key], times_us)
            columns.learn(_last_columns(last, answer))
        totals = _Totals(columns.count)
        for k in KEPT:
            for key in filter(None, (k.sums.key, k.sums.seen_from)):
                totals.add(keys[key], self._sums[k.sums.key].read(keys[key], times_us))
        return _EVALUATE(totals.values, columns.value)

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

    def _fold_contacts(self, attempts: AttemptColumns, keys: dict[str, U64], times_us: I64) -> None:
        for contact in PAIRS:
            if contact.talks:
                continue
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

    def _fold_talks(
        self,
        attempts: AttemptColumns,
        ends: EndColumns,
        keys: U64,
        times_us: I64,
        rows: tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]],
    ) -> None:
        """``rows``: those of the attempts and those of the ends."""
        attempt_rows, end_rows = rows
        update = np.zeros(len(keys), np.bool_)
        update[end_rows] = ends.talked() & ~ends.diverted
        age_s = self._pairs[pair.TALKS.name].fold(keys, times_us, update)
        attempts.learn({"talk_age_s": age_s[attempt_rows]})
        ends.learn_talks(age_s[end_rows])

    def _fold_lasts(
        self, attempts: AttemptColumns, keys: dict[str, U64], times_us: I64, *, young: bool
    ) -> None:
        numbers = np.column_stack([attempts.callee_number, attempts.caller_number])
        for last in LASTS:
            if last.young == young:
                update = _charged(last, attempts)
                if young:
                    update &= attempts.young
                answer = self._lasts[last.name].fold(keys[last.key], times_us, numbers, update)
                attempts.learn(_last_columns(last, answer))

    def _fold_sums(
        self,
        k: Kept,
        keys: dict[str, U64],
        times_us: I64,
        added: F64,
        attempt_rows: npt.NDArray[np.intp],
        totals: _Totals,
    ) -> F64:
        """What was known before each row; of attempts, it goes to the totals."""
        summed, own = self._sums[k.sums.key], keys[k.sums.key]
        if k.sums.seen_from is None:
            answer = summed.fold(own, times_us, added)
            totals.add(own[attempt_rows], answer[attempt_rows])
            return answer
        # Only attempts ask for the other key.
        other = np.zeros_like(own)
        other[attempt_rows] = keys[k.sums.seen_from][attempt_rows]
        answer, of_other = summed.fold_and_read(own, other, times_us, added)
        totals.add(own[attempt_rows], answer[attempt_rows])
        totals.add(other[attempt_rows], of_other[attempt_rows])
        return answer


def _times_us(events: pa.RecordBatch) -> I64:
    times_us: I64 = column(events, "time_us").to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return times_us


def _charged(declaration: LastDeclaration | PairsDeclaration, attempts: AttemptColumns) -> Mask:
    return np.ones(attempts.count, np.bool_) if declaration.charges_diverted else ~attempts.diverted


def _last_columns(last: LastDeclaration, answer: F64) -> dict[str, F64]:
    of = last.name.removesuffix("_last")
    return {
        f"{of}_gap_s": answer[:, 0].copy(),
        f"{of}_last_number": answer[:, 1].copy(),
        f"{of}_last_caller_number": answer[:, 2].copy(),
    }
