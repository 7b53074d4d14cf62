"""Train on an operator's own calls, alone or together with simulated traffic."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit._core import hash_keys
from spit.config import PolicyConfig
from spit.engine.call_labels import UNLABELLED, CallLabels
from spit.engine.callers import SPAM_RANK
from spit.engine.engine import Engine
from spit.engine.learned_card import budget_words, learned_card
from spit.engine.learned_decision import decide_on_calls
from spit.engine.learned_forests import TREES, Beside, beside_weight, choose_salt, folds_of, members_of
from spit.engine.learned_rows import I64, U64, LearnedRows, Mask, caller_keys, gather_rows
from spit.engine.training import monotonic, training_rows
from spit.errors import InputError
from spit.features.table import FeatureTable
from spit.model.bundle import with_decision
from spit.model.reference import FILE_NAME, Reference
from spit.model.scorer import Model
from spit.model.train import TrainedModel, TrainingRows, TrainingSettings, train
from spit.policy.policy import Policy

#: TrainingRows tells traffic apart by seed; simulated traffic has seeds from 0 on.
_OWN, _OWN_TEST = -2, -1
_TEST_SALT = 44

Progress = Callable[[str], None]


class Recording(Protocol):
    """Call events in time order, from the beginning each time (capture.recorded.RecordedCalls)."""

    def events(self) -> Iterable[pa.RecordBatch]: ...


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """How own calls become training rows.

    ``test_share``: of the labelled callers (or of the time, with ``test_by_time``) that is only measured.
    ``simulation_seeds``: simulated traffic to learn from beside, each row counting ``simulation_weight`` of
    an own row: with few labels the simulation says most, with many the operator's traffic does. ``beside``: a
    model that keeps its say (``learned_forests``); None: the calls alone.
    """

    test_share: float = 0.2
    test_by_time: bool = False
    simulation_seeds: tuple[int, ...] = ()
    simulation_weight: float = 0.2
    beside: Beside | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What ``train_on_calls`` did. ``measured``: with the policy, on the test part; None for a rate without
    cases. ``budget``: in words, who vouches for the threshold."""

    path: Path
    attempts: int
    labelled: int
    unlabelled: int
    rows: int
    measured: dict[str, float | int | None]
    budget: str


def train_on_calls(
    recording: Recording,
    labels: pa.Table,
    directory: Path,
    *,
    name: str,
    version: str,
    settings: LearningSettings | None = None,
    training: TrainingSettings | None = None,
    policy: PolicyConfig | None = None,
    progress: Progress | None = None,
) -> Learned:
    """Fit on the labelled calls of ``recording``, measure, and write ``directory/name/version``.

    No caller is on both sides of the split. Calls without a label are folded into the features of all others
    and otherwise only counted. Raises InputError when no call has a label, ModelError when a part would hold
    one class only or the version exists.
    """
    settings = settings or LearningSettings()
    say = progress or (lambda _: None)
    found = CallLabels(labels)
    own = gather_rows(_told(recording.events(), "folded", say), found)
    if own.labelled == 0:
        raise InputError(
            f"labels: expected labels of some of the {own.attempts} calls, found none by their "
            f"{' or '.join(n for n in ('call_id', 'caller') if n in labels.column_names)}"
        )
    split = CallerSplit.of(own, settings)
    fitted = split.fit(own.callers, own.times_us)
    salt = choose_salt(own.callers[fitted], own.spam[fitted])
    folds = partial(folds_of, salt=salt)
    rows, left_out = _training_rows(own, split, folds, settings, say)
    say(f"fitting {len(rows.values)} attempts")
    names = FeatureTable.names
    spam_callers = len(np.unique(own.callers[fitted & own.spam]))
    trained = train(
        rows,
        names=names,
        test_seeds=[_OWN_TEST],
        settings=training
        if training is not None
        else TrainingSettings(monotonic=monotonic(names), trees=TREES),
        members=members_of(set(rows.seeds.tolist()), spam_callers, settings.beside),
    )
    policy = policy or PolicyConfig()
    decision = decide_on_calls(
        _told(recording.events(), "calibrated", say),
        found,
        trained,
        settings.beside,
        folds_of=folds,
        is_measured=split.test,
        wrong_per_10000=policy.max_wrong_blocks_per_10000,
    )
    trained = replace(trained, calibration=decision.calibration)
    model = trained.model(name=name, version=version, features=names)
    model = model.deciding_by(decision.parameters, decision.budget)
    measured = measure_on_calls(
        _told(recording.events(), "measured", say), found, split, model, Policy(policy)
    )
    facts: dict[str, Any] = {
        "attempts": own.attempts,
        "labelled": own.labelled,
        "unlabelled": own.attempts - own.labelled,
        "labelled_spam": own.calls_spam,
        "labelled_callers": own.callers_seen,
        "rows": len(own.values),
        "rows_left_out": left_out,
        "test_share": settings.test_share,
        "test_by_time": settings.test_by_time,
        "simulation_seeds": list(settings.simulation_seeds),
        "simulation_weight": settings.simulation_weight,
        "beside": None if settings.beside is None else settings.beside.model.name,
        "beside_weight": None if settings.beside is None else round(beside_weight(spam_callers), 4),
        "budget_callers": 0 if decision.budget is None else decision.budget.callers,
        "budget_of": decision.vouched_by,
    }
    trained = replace(
        trained,
        trained_on={
            **trained.trained_on,
            "seeds": list(settings.simulation_seeds),
            "test_seeds": [],
            "own_calls": facts,
        },
    )
    reference = Reference.of(names, own.reference, model.score(own.reference))
    path = _write(trained, directory, name, version, facts, measured, reference)
    with_decision(path, decision.parameters, decision.budget)
    unlabelled = own.attempts - own.labelled
    return Learned(
        path, own.attempts, own.labelled, unlabelled, len(own.values), measured, budget_words(facts)
    )


@dataclass(frozen=True, slots=True)
class CallerSplit:
    """Which callers are only measured. ``fit_callers``: of a split by time, sorted keys of the callers seen
    before ``cut_us``."""

    share: float
    cut_us: int | None = None
    fit_callers: U64 | None = None

    @classmethod
    def of(cls, own: LearnedRows, settings: LearningSettings) -> CallerSplit:
        """By caller, or by the time before which all but ``test_share`` of the labelled rows lie."""
        if not settings.test_by_time:
            return cls(settings.test_share)
        cut_us = int(np.quantile(own.times_us, 1.0 - settings.test_share))
        return cls(settings.test_share, cut_us, np.unique(own.callers[own.times_us < cut_us]))

    def test(self, callers: U64, times_us: npt.NDArray[np.int64]) -> Mask:
        """Whether each attempt is measured: by a test caller, or by a caller first seen in the last part."""
        if self.cut_us is None or self.fit_callers is None:
            # A caller's key is a hash; mixed once more, so that thinning by its low bits is independent.
            mixed = callers * np.uint64(0x9E37_79B9_7F4A_7C15) ^ np.uint64(_TEST_SALT)
            chosen: Mask = (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53 < self.share
            return chosen
        return (times_us >= self.cut_us) & ~np.isin(callers, self.fit_callers)

    def fit(self, callers: U64, times_us: npt.NDArray[np.int64]) -> Mask:
        """Whether each attempt may be learned from. By time some are in neither part."""
        if self.cut_us is None:
            return ~self.test(callers, times_us)
        return times_us < self.cut_us


def measure_on_calls(
    events: Iterable[pa.RecordBatch], labels: CallLabels, split: CallerSplit, model: Model, policy: Policy
) -> dict[str, float | int | None]:
    """Replay everything through a fresh engine and count the test part: calls, and callers ever flagged."""
    engine = Engine(model, policy)
    keys: list[U64] = []
    spam: list[Mask] = []
    flagged: list[Mask] = []
    for batch in events:
        scored = engine.observe(batch)
        at = pa.array(scored.rows)
        attempts = pa.record_batch({name: batch[name].take(at) for name in ("call_id", "caller", "time_us")})
        label, _ = labels.find(attempts)
        callers = caller_keys(attempts["caller"])
        kept = np.flatnonzero((label != UNLABELLED) & split.test(callers, attempts["time_us"].to_numpy()))
        keys.append(callers[kept])
        spam.append(label[kept] == 1)
        flagged.append(scored.label_rank[kept] >= SPAM_RANK)
    return _rates(np.concatenate(keys), np.concatenate(spam), np.concatenate(flagged))


def _rates(keys: U64, spam: Mask, flagged: Mask) -> dict[str, float | int | None]:
    result: dict[str, float | int | None] = {}
    for name, mask in (("spam", spam), ("ham", ~spam)):
        callers, codes = np.unique(keys[mask], return_inverse=True)
        ever = np.bincount(codes, weights=flagged[mask], minlength=len(callers)) > 0
        result |= {
            f"{name}_calls": int(mask.sum()),
            f"{name}_calls_flagged": int(flagged[mask].sum()),
            f"{name}_calls_flagged_ratio": round(float(flagged[mask].mean()), 6) if mask.any() else None,
            f"{name}_callers": len(callers),
            f"{name}_callers_flagged": int(ever.sum()),
            f"{name}_callers_flagged_ratio": round(float(ever.mean()), 6) if len(callers) else None,
        }
    return result


def _training_rows(
    own: LearnedRows,
    split: CallerSplit,
    folds: Callable[[U64], I64],
    settings: LearningSettings,
    say: Progress,
) -> tuple[TrainingRows, int]:
    """Own rows, then simulated ones; and how many own rows are in neither part."""
    test, fit = split.test(own.callers, own.times_us), split.fit(own.callers, own.times_us)
    kept = test | fit
    rows = TrainingRows(
        own.values[kept],
        own.spam[kept],
        own.callers[kept],
        np.where(test, _OWN_TEST, _OWN)[kept].astype(np.int64),
        own.weights[kept],
        folds(own.callers[kept]),
    )
    if settings.simulation_seeds:
        simulated = training_rows(settings.simulation_seeds, progress=say)
        keys = hash_keys(pa.array(simulated.callers.tolist(), pa.string()), _TEST_SALT)
        rows = TrainingRows(
            np.concatenate([rows.values, simulated.values]),
            np.concatenate([rows.spam, simulated.spam]),
            np.concatenate([rows.callers, keys]),
            np.concatenate([rows.seeds, simulated.seeds]),
            np.concatenate([own.weights[kept], np.full(len(simulated.values), settings.simulation_weight)]),
            folds(np.concatenate([rows.callers, keys])),
        )
    return rows, int((~kept).sum())


def _write(
    trained: TrainedModel,
    directory: Path,
    name: str,
    version: str,
    facts: dict[str, Any],
    measured: dict[str, float | int | None],
    reference: Reference,
) -> Path:
    return trained.write(
        directory,
        name=name,
        version=version,
        features=FeatureTable.names,
        schema_hash=FeatureTable.schema_hash,
        metrics={"own calls, test part, with the policy": measured},
        files={FILE_NAME: reference.to_json()},
        model_card=learned_card(
            trained,
            name=name,
            version=version,
            features=len(FeatureTable.names),
            facts=facts,
            measured=measured,
        ),
    )


def _told(events: Iterable[pa.RecordBatch], verb: str, say: Progress) -> Iterable[pa.RecordBatch]:
    count = 0
    for batch in events:
        yield batch
        count += batch.num_rows
        say(f"{verb} {count} events")
