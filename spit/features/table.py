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
from spit.errors import InputError
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
from spit.features.declare import (
    DAY_S,
    Contribution,
    Feature,
    LastDeclaration,
    PairsDeclaration,
    SumsDeclaration,
    Term,
)
from spit.features.end_columns import given_columns
from spit.features.evaluate import Place, attempt_columns, formulas
from spit.features.event_keys import EventKeys
from spit.features.plan import Kept, Plan, PlanMaker, Primitives, last_answers

I64 = npt.NDArray[np.int64]

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


def schema_hash(features: tuple[Feature, ...] = FEATURES) -> str:
    """SHA-256 over name, unit, window, version and formula of the features, in order."""
    return hashlib.sha256("\n".join(feature.identity for feature in features).encode()).hexdigest()


#: What tells a young caller.
_CALLER_ATTEMPTS = Term("caller", c.ATTEMPTS, DAY_S)
_YOUNG = _CALLER_ATTEMPTS.contribution, _CALLER_ATTEMPTS.window_s


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
        terms.index(_YOUNG) if sums.key == _CALLER_ATTEMPTS.key else None,
    )


KEPT: tuple[Kept, ...] = tuple(_kept(sums) for sums in SUMS)
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
    ``keys``, ``times_us`` (int64 [n]), ``attempts``: of the attempts. ``ends``: row numbers of the ends.
    ``latest_us``: of all events; None without any.
    """

    rows: I64
    values: npt.NDArray[np.float32]
    keys: EventKeys
    times_us: I64
    attempts: _core.Attempts
    ends: I64
    latest_us: int | None


class FeatureTable:
    """Folds call events and reads features. One writer; readers between batches.

    All state lies in the primitives. However the events are cut into batches, the features are the same.
    """

    names: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
    schema_hash: str = schema_hash()

    def __init__(self, *, max_keys: int = 1_000_000) -> None:
        """``max_keys``: bound of each primitive; four times as many pairs."""
        self._max_keys = max_keys
        self._held = Primitives(
            sums={
                k.sums.key: _core.Sums(
                    len(CONTRIBUTIONS),
                    k.windows_s,
                    idle_s=k.sums.idle_s,
                    max_keys=max_keys,
                    chosen=k.chosen,
                )
                for k in KEPT
            },
            lasts={d.name: _core.Last(2, idle_s=d.idle_s, max_keys=max_keys) for d in LASTS},
            pairs={
                d.name: _core.Pairs(window_s=d.window_s, max_pairs=_PAIRS_PER_KEY * max_keys) for d in PAIRS
            },
        )
        self._plan, self._reader = _plan(self._held), _reader(self._held)

    def observe(self, events: pa.RecordBatch) -> FeatureRows:
        """Folds every event in order; each attempt is read before it updates.

        Raises InputError when a column of records.EVENT_SCHEMA that is needed is missing.
        """
        return self.fold(self.take(events), 0, events.num_rows)

    def take(self, events: pa.RecordBatch) -> _core.Events:
        """A batch for ``fold``: what does not depend on how it is cut is done once. Raises as ``observe``."""
        _expect(events, self._plan.folds)
        return _core.Events(events, given_columns(events))

    def fold(self, events: _core.Events, offset: int, length: int) -> FeatureRows:
        """``observe`` of these rows of a batch; row numbers are those of the batch."""
        values, rows, keys, times_us, attempts, ends, latest_us = self._plan.core.fold(events, offset, length)
        return FeatureRows(rows, values, EventKeys(keys), times_us, attempts, ends, latest_us)

    def read(self, attempts: pa.RecordBatch) -> npt.NDArray[np.float32]:
        """What is known of each row at its time, float32 [n, F], without any change.

        Every row is taken as an attempt; no row sees another. Raises InputError as ``observe`` does.
        """
        _expect(attempts, self._plan.reads)
        return self._plan.core.read(attempts)

    def read_one(self, attempt: _core.OneAttempt) -> npt.NDArray[np.float32]:
        """As ``read`` of one row, float32 [1, F], in microseconds."""
        return self._reader.read(attempt)

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
        self._held, self._plan, self._reader = fresh._held, fresh._plan, fresh._reader

    def counters(self) -> dict[str, int]:
        """``NAME_keys``, ``NAME_evicted_idle`` and ``NAME_evicted_full`` of each primitive."""
        return {
            f"{name}_{counter}": value
            for name, primitive in self._primitives()
            for counter, value in primitive.counters().items()
        }

    def _primitives(self) -> Iterator[tuple[str, _core.Sums | _core.Last | _core.Pairs]]:
        yield from self._held.sums.items()
        yield from self._held.lasts.items()
        yield from self._held.pairs.items()


def _plan(held: Primitives) -> Plan:
    """Contacts first, then the caller's sums, which tell who is young; what asks that comes after them."""
    maker = PlanMaker(held, CONTRIBUTIONS)
    for contact in PAIRS:
        maker.pairs(contact)
    for last in LASTS:
        if not last.young:
            maker.last(last)
    for kept in KEPT:
        maker.sums(kept)
        if kept.young is not None:
            for last in LASTS:
                if last.young:
                    maker.last(last)
    return maker.finish(_FORMULAS, _ATTEMPT_COLUMNS)


def _reader(held: Primitives) -> _core.AttemptReader:
    """The answers of pairs and lasts come in the order in which they are named."""
    pairs, answers = [], []
    for contact in PAIRS:
        pairs.append((held.pairs[contact.name], contact.key))
        answers.append(f"{contact.name}_age_s")
        if contact.reverse_key is not None:
            pairs.append((held.pairs[contact.name], contact.reverse_key))
            answers.append(f"{contact.name}_reverse_age_s")
    for last in LASTS:
        answers += last_answers(last)
    return _core.AttemptReader(
        _FORMULAS,
        columns=[answers.index(name) if name in answers else name for name in _ATTEMPT_COLUMNS],
        sums=[(held.sums[k.sums.key], k.sums.key, k.sums.seen_from, k.seen) for k in KEPT],
        lasts=[(held.lasts[last.name], last.key) for last in LASTS],
        pairs=pairs,
    )


def _expect(events: pa.RecordBatch, columns: frozenset[str]) -> None:
    found = events.schema.names
    missing = columns.difference(found)
    if missing:
        raise InputError(f"events: expected a column {min(missing)}, found {', '.join(found)}")
