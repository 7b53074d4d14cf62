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
from spit.features.evaluate import Place, attempt_columns, formulas

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
#: Attempts and ends folded at a time: what stands between folds and features fits the processor's caches. No
#: power of two: the contributions of a row would lie in the same few places of the caches.
_CHUNK_EVENTS = 4_000


def schema_hash(features: tuple[Feature, ...] = FEATURES) -> str:
    """SHA-256 over name, unit, window, version and formula of the features, in order."""
    return hashlib.sha256("\n".join(feature.identity for feature in features).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one key: the sums that features read.

    ``chosen[w]``: numbers in ``CONTRIBUTIONS`` of what is summed over ``windows_s[w]``; in this order the
    primitive answers, and ``terms`` are in it. ``seen``: the columns that are also read with the other key.
    """

    sums: SumsDeclaration
    windows_s: tuple[float, ...]
    chosen: tuple[tuple[int, ...], ...]
    terms: tuple[tuple[Contribution, float], ...]
    seen: tuple[int, ...]


#: What tells a young caller.
_CALLER_ATTEMPTS = Term("caller", c.ATTEMPTS, DAY_S)


def _terms(key: str | None) -> list[Term]:
    """The sums of a key that features read."""
    read = [term for feature in FEATURES for term in feature.expression.terms if term.key == key]
    return [*read, _CALLER_ATTEMPTS] if key == _CALLER_ATTEMPTS.key else read


#: Every contribution once, though several keys sum it; the caller's first.
CONTRIBUTIONS: tuple[Contribution, ...] = tuple(
    {
        t.contribution.name: t.contribution for s in SUMS for k in (s.key, s.as_name) for t in _terms(k)
    }.values()
)


def _kept(sums: SumsDeclaration) -> Kept:
    own, seen = _terms(sums.key), _terms(sums.as_name)
    summed = {(t.contribution.name, t.window_s) for t in (*own, *seen)}
    windows_s = tuple(sorted({window_s for _, window_s in summed}))
    chosen = tuple(
        tuple(i for i, x in enumerate(CONTRIBUTIONS) if (x.name, window_s) in summed)
        for window_s in windows_s
    )
    terms = tuple(
        (CONTRIBUTIONS[i], window_s) for window_s, of in zip(windows_s, chosen, strict=True) for i in of
    )
    asked = {(t.contribution.name, t.window_s) for t in seen}
    return Kept(
        sums,
        windows_s,
        chosen,
        terms,
        tuple(i for i, (x, window_s) in enumerate(terms) if (x.name, window_s) in asked),
    )


KEPT: tuple[Kept, ...] = tuple(_kept(sums) for sums in SUMS)
_YOUNG_COLUMN = KEPT[0].terms.index((c.ATTEMPTS, DAY_S))
_ATTEMPT_COLUMNS = attempt_columns(FEATURES)


def _places() -> dict[Term, Place]:
    """Where each sum stands: a matrix for each key, the columns read with the other key after its own."""
    places: dict[Term, Place] = {}
    for matrix, k in enumerate(KEPT):
        for i, (contribution, window_s) in enumerate(k.terms):
            places[Term(k.sums.key, contribution, window_s)] = (matrix, i)
        for i, column_seen in enumerate(k.seen):
            contribution, window_s = k.terms[column_seen]
            places[Term(str(k.sums.as_name), contribution, window_s)] = (matrix, len(k.terms) + i)
    return places


_FORMULAS = formulas(FEATURES, _places(), {name: (len(KEPT), i) for i, name in enumerate(_ATTEMPT_COLUMNS)})


@dataclass(frozen=True, slots=True)
class FeatureRows:
    """The features of the attempts of a batch.

    ``rows``: row numbers of the attempts in the batch, int64 [n]. ``values``: float32 [n, F], always finite.
    ``keys``: of the attempts. ``ends``: row numbers of the ends, int64.
    """

    rows: I64
    values: npt.NDArray[np.float32]
    keys: EventKeys
    ends: I64


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
                len(CONTRIBUTIONS),
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
        self._reader = self._read_attempts()

    def observe(self, events: pa.RecordBatch) -> FeatureRows:
        """Folds every event in order; each attempt is read before it updates.

        Raises InputError when a column of records.EVENT_SCHEMA that is needed is missing.
        """
        is_attempt, is_end = select_events(events)
        rows, ends = np.flatnonzero(is_attempt), np.flatnonzero(is_end)
        counted = np.flatnonzero(is_attempt | is_end)
        values = np.empty((len(rows), len(FEATURES)), np.float32)
        keys: list[EventKeys] = []
        filled = start = 0
        while start < len(counted) or not keys:
            chunk = counted[start : start + _CHUNK_EVENTS]
            start += _CHUNK_EVENTS
            part, of_attempts = self._observe_chunk(events, chunk, is_attempt[chunk])
            values[filled : filled + len(part)] = part
            filled += len(part)
            keys.append(of_attempts)
        return FeatureRows(rows, values, keys[0].join(keys[1:]), ends)

    def _observe_chunk(
        self, events: pa.RecordBatch, counted: I64, is_attempt: Mask
    ) -> tuple[npt.NDArray[np.float32], EventKeys]:
        """The features and keys of the attempts. ``counted``: rows of attempts and ends."""
        attempt_rows, end_rows = np.flatnonzero(is_attempt), np.flatnonzero(~is_attempt)
        attempts = AttemptColumns(events, counted[attempt_rows])
        ends = EndColumns(events, counted[end_rows])
        times_us = _times_us(events)[counted]
        keys = EventKeys.read(events, counted)
        of_attempts = keys.take(attempt_rows)
        attempt_times_us = times_us[attempt_rows]

        self._fold_contacts(attempts, of_attempts, attempt_times_us)
        self._fold_talks(attempts, ends, keys["contact"], times_us, (attempt_rows, end_rows))
        self._fold_lasts(attempts, of_attempts, attempt_times_us, young=False)
        undiverted = np.ones(len(counted), np.bool_)
        undiverted[attempt_rows], undiverted[end_rows] = ~attempts.diverted, ~ends.diverted
        everything = np.ones(len(counted), np.bool_)
        # What attempts add lies before what ends add: a contribution is written in two runs.
        added = np.empty((len(CONTRIBUTIONS), len(counted)))
        places = np.empty(len(counted), np.int64)
        places[attempt_rows] = np.arange(attempts.count)
        places[end_rows] = np.arange(attempts.count, len(counted))
        matrices: list[F64] = []
        done = 0
        for k in KEPT:
            # Those of young callers are known only once the caller's sums have been folded.
            last = max(i for chosen in k.chosen for i in chosen) + 1
            for i in range(done, last):
                at_attempt, at_end = CONTRIBUTIONS[i].at_attempt, CONTRIBUTIONS[i].at_end
                added[i, : attempts.count] = 0.0 if at_attempt is None else at_attempt(attempts)
                added[i, attempts.count :] = 0.0 if at_end is None else at_end(ends)
            done = max(done, last)
            is_caller = k.sums is caller.SUMS
            answer, every = self._sums[k.sums.key].fold_some(
                keys[k.sums.key],
                times_us,
                added,
                places=places,
                update=everything if k.sums.charges_diverted else undiverted,
                wanted=is_attempt,
                others=None if k.sums.seen_from is None else keys[k.sums.seen_from],
                others_columns=k.seen,
                every=_YOUNG_COLUMN if is_caller else None,
            )
            if is_caller:
                attempts.learn_attempts(every[attempt_rows])
                ends.learn_attempts(keys["caller"][end_rows] != 0, every[end_rows])
                self._fold_lasts(attempts, of_attempts, attempt_times_us, young=True)
            matrices.append(answer)
        return _FORMULAS.derive([*matrices, attempts.matrix(_ATTEMPT_COLUMNS)]), of_attempts

    def read(self, attempts: pa.RecordBatch) -> npt.NDArray[np.float32]:
        """What is known of each row at its time, float32 [n, F], without any change.

        Every row is taken as an attempt; no row sees another. Raises InputError as ``observe`` does.
        """
        times_us = _times_us(attempts)
        columns, keys = AttemptColumns(attempts, np.arange(attempts.num_rows)), EventKeys.read(attempts)
        for contact in PAIRS:
            pairs = self._pairs[contact.name]
            known = {f"{contact.name}_age_s": pairs.read(keys[contact.key], times_us)}
            if contact.reverse_key is not None:
                known[f"{contact.name}_reverse_age_s"] = pairs.read(keys[contact.reverse_key], times_us)
            columns.learn(known)
        for last in LASTS:
            answer = self._lasts[last.name].read(keys[last.key], times_us)
            columns.learn(_last_columns(last, answer))
        matrices: list[F64] = []
        for k in KEPT:
            summed = self._sums[k.sums.key]
            known_sums = [summed.read(keys[k.sums.key], times_us)]
            if k.sums.seen_from is not None:
                known_sums.append(summed.read_some(keys[k.sums.seen_from], times_us, k.seen))
            matrices.append(np.concatenate(known_sums, axis=1))
        return _FORMULAS.derive([*matrices, columns.matrix(_ATTEMPT_COLUMNS)])

    def read_one(self, attempt: _core.OneAttempt) -> npt.NDArray[np.float32]:
        """As ``read`` of one row, float32 [1, F], in microseconds."""
        return self._reader.read(attempt)

    def _read_attempts(self) -> _core.AttemptReader:
        """The primitives in the order of ``read``; the answers of pairs and lasts come in this order, too."""
        pairs, answers = [], []
        for contact in PAIRS:
            pairs.append((self._pairs[contact.name], contact.key))
            answers.append(f"{contact.name}_age_s")
            if contact.reverse_key is not None:
                pairs.append((self._pairs[contact.name], contact.reverse_key))
                answers.append(f"{contact.name}_reverse_age_s")
        for last in LASTS:
            answers += _last_names(last)
        return _core.AttemptReader(
            _FORMULAS,
            columns=[answers.index(name) if name in answers else name for name in _ATTEMPT_COLUMNS],
            sums=[(self._sums[k.sums.key], k.sums.key, k.sums.seen_from, k.seen) for k in KEPT],
            lasts=[(self._lasts[last.name], last.key) for last in LASTS],
            pairs=pairs,
        )

    def states(self) -> list[tuple[str, pa.RecordBatch]]:
        """A copy of the state of each primitive, by name."""
        return [(name, primitive.state()) for name, primitive in self._primitives()]

    def save(self, directory: Path, states: list[tuple[str, pa.RecordBatch]] | None = None) -> None:
        """Writes ``states``, or the state as it is, as Arrow IPC files. A crash keeps the former state.

        ``states`` is empty afterwards: to give back all of it at once takes as long as many answers.
        """
        held = self.states() if states is None else states
        state_files.save(directory, (held.pop(0) for _ in range(len(held))), self.schema_hash)

    def load(self, directory: Path) -> None:
        """Continues from what ``save`` wrote, bit-exactly when ``max_keys`` is the same.

        Raises InputError when it is damaged or of another schema; the state is then as before.
        """
        fresh = FeatureTable(max_keys=self._max_keys)
        state_files.load(directory, dict(fresh._primitives()), self.schema_hash)
        self._sums, self._lasts, self._pairs = fresh._sums, fresh._lasts, fresh._pairs
        self._reader = fresh._reader

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

    def _fold_contacts(self, attempts: AttemptColumns, keys: EventKeys, times_us: I64) -> None:
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

    def _fold_lasts(self, attempts: AttemptColumns, keys: EventKeys, times_us: I64, *, young: bool) -> None:
        numbers = np.column_stack([attempts.callee_number, attempts.caller_number])
        for last in LASTS:
            if last.young == young:
                update = _charged(last, attempts)
                if young:
                    update &= attempts.young
                answer = self._lasts[last.name].fold(keys[last.key], times_us, numbers, update)
                attempts.learn(_last_columns(last, answer))


def _times_us(events: pa.RecordBatch) -> I64:
    times_us: I64 = column(events, "time_us").to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return times_us


def _charged(declaration: LastDeclaration | PairsDeclaration, attempts: AttemptColumns) -> Mask:
    return np.ones(attempts.count, np.bool_) if declaration.charges_diverted else ~attempts.diverted


def _last_names(last: LastDeclaration) -> tuple[str, str, str]:
    of = last.name.removesuffix("_last")
    return f"{of}_gap_s", f"{of}_last_number", f"{of}_last_caller_number"


def _last_columns(last: LastDeclaration, answer: F64) -> dict[str, F64]:
    return {name: answer[:, i].copy() for i, name in enumerate(_last_names(last))}
