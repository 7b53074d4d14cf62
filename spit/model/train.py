"""Fit a model on rows of features and write it as a bundle. Needs the extra ``train``.

Three groups of rows that share no caller: *fit* grows the trees, *calibration* fits the sigmoid, *test*
(other seeds, so other callers, numbers and parameters) is only measured.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version as package_version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spit.errors import MissingExtraError, ModelError
from spit.model.averaging import average_forests, count_trees
from spit.model.binning import bin_cuts, match_operators, to_bins
from spit.model.bundle import BundleInfo, Calibration, write_bundle
from spit.model.conversion import CHUNK_ROWS, assert_same_scores, check_size, convert, onnx_log_odds
from spit.model.fitted import fit_sigmoid, legitimate_baseline, measure
from spit.model.scorer import F32, F64, Model, sigmoid

_SPLITS_TRIED = 20

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What training may be told. The defaults are those of the shipped model."""

    trees: int = 150
    max_depth: int = 12
    max_leaf_nodes: int = 31
    min_samples_leaf: int = 40
    learning_rate: float = 0.1
    #: Bins per feature; fewer cost less time and resolution.
    max_bins: int = 128
    #: Share of the features that each split may choose from: trees differ more, and lean on no single one.
    max_features: float = 0.3
    l2_regularization: float = 5.0
    #: A caller's attempts together count at most as much as this many: they are not independent, and
    #: otherwise one call centre would outvote every person.
    max_weight_per_caller: float = 20.0
    #: Rows kept per caller: beyond these, more of the same only takes time.
    max_rows_per_caller: int = 30
    #: Weight of a legitimate row relative to a spam row: wrong blocks cost more than missed spam.
    legit_weight: float = 3.0
    calibration_share: float = 0.15
    #: Stop when as many trees in a row did not lower the loss on held-out callers; 0: grow all trees.
    early_stopping_rounds: int = 0
    #: Share of the callers to fit that early stopping holds out.
    early_stopping_share: float = 0.1
    prior: float = 0.1
    random_state: int = 7
    #: +1: more of this feature never makes an attempt less suspicious; -1: the other way round.
    monotonic: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Member:
    """One forest of several: the ``seeds`` whose rows it learns from, and how.

    ``matched``: it learns from values as they rank within their seed (``match_operators``), so that it learns
    what is much for one network and not what is much in all. ``onnx``: it has been fitted before, with other
    settings (``TrainedModel.onnx``); then no row of its seeds calibrates. ``fold``: it does not learn from
    rows of this fold (``TrainingRows.folds``). ``weight``: what it counts in the mean.
    """

    seeds: Collection[int]
    matched: bool = False
    onnx: bytes | None = None
    fold: int | None = None
    weight: float = 1.0

    def learned(self, rows: TrainingRows) -> Bools:
        """bool[n]: the rows of its seeds."""
        return np.isin(rows.seeds, np.fromiter(self.seeds, np.int64, len(self.seeds)))


@dataclass(frozen=True, slots=True)
class TrainingRows:
    """Attempts to learn from: ``values`` float32[n, F] (NaN where unknown), ``spam`` bool[n], ``callers`` and
    ``seeds`` [n]. A caller is one (seed, caller) pair. ``weights``: float64[n], how much each row counts; all
    the same when None. ``folds``: int64[n], the same for all rows of a caller: of several forests each leaves
    one fold out (``Member.fold``), so that there is one that knows nothing of the caller; None where there
    are none."""

    values: F32
    spam: Bools
    callers: npt.NDArray[Any]
    seeds: npt.NDArray[np.int64]
    weights: F64 | None = None
    folds: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        n = len(self.values)
        if not n == len(self.spam) == len(self.callers) == len(self.seeds):
            raise ModelError(
                f"training rows: expected columns of one length, found values {n}, spam {len(self.spam)}, "
                f"callers {len(self.callers)}, seeds {len(self.seeds)}"
            )

    def __len__(self) -> int:
        return len(self.values)

    def groups(self) -> npt.NDArray[np.int64]:
        """int64[n]: a number per (seed, caller), in the order of their first rows."""
        import pandas as pd

        callers = pd.factorize(self.callers)[0].astype(np.int64)
        seeds = pd.factorize(self.seeds)[0].astype(np.int64)
        return pd.factorize(callers * (int(seeds.max(initial=0)) + 1) + seeds)[0].astype(np.int64)

    def thinned(self, max_rows: int) -> TrainingRows:
        """At most ``max_rows`` of each caller (``kept_rows``); itself where no caller has more."""
        kept = kept_rows(self.groups(), max_rows)
        return self if kept.all() else self.taken(kept)

    def taken(self, at: Bools) -> TrainingRows:
        """The rows of this mask."""
        weights = None if self.weights is None else self.weights[at]
        folds = None if self.folds is None else self.folds[at]
        return TrainingRows(self.values[at], self.spam[at], self.callers[at], self.seeds[at], weights, folds)


def kept_rows(groups: npt.NDArray[np.int64], max_rows: int) -> Bools:
    """bool[n]: at most ``max_rows`` (2 or more) of each group: its first half of them, then every n-th row.

    Applied twice it changes nothing more.
    """
    half = max(1, max_rows // 2)
    order = np.argsort(groups, kind="stable")
    counts = np.bincount(groups)
    rank = np.empty(len(groups), dtype=np.int64)
    rank[order] = np.arange(len(groups)) - np.repeat(np.cumsum(counts) - counts, counts)
    stride = np.maximum(1, -(-(counts - half) // half))
    kept: Bools = (rank < half) | ((rank - half) % stride[groups] == 0)
    return kept


def join_rows(parts: Iterable[TrainingRows]) -> TrainingRows:
    """All rows of ``parts`` in their order. A part is freed as soon as it is copied. Raises ModelError."""
    held = list(parts)
    if not held:
        raise ModelError("training rows: expected at least one part, found none")
    ends = np.cumsum([len(part) for part in held])
    spam, callers, seeds = (
        np.concatenate([getattr(part, name) for part in held]) for name in ("spam", "callers", "seeds")
    )
    weights = None
    if any(part.weights is not None for part in held):
        ones = (np.ones(len(part)) if part.weights is None else part.weights for part in held)
        weights = np.concatenate(list(ones))
    values = np.empty((int(ends[-1]), held[0].values.shape[1]), np.float32)
    for end in ends[::-1].tolist():
        part = held.pop()
        values[end - len(part) : end] = part.values
    return TrainingRows(values, spam, callers, seeds, weights)


@dataclass(frozen=True, slots=True)
class Split:
    """Row masks that cover all rows and share no (seed, caller); with folds, fit and calibration are the same
    rows, each calibrated by the forest that left it out."""

    fit: Bools
    calibration: Bools
    test: Bools


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """A fitted model, not yet written. ``without_fold``: for each fold, the same with the one of its forests
    that did not learn from it in place of all those of folds."""

    onnx: bytes
    calibration: Calibration
    baseline: tuple[float | None, ...]
    metrics: dict[str, Any]
    trained_on: dict[str, Any]
    libraries: dict[str, str]
    prior: float
    without_fold: Mapping[int, bytes] = field(default_factory=dict)

    def model(self, *, name: str, version: str, features: Sequence[str]) -> Model:
        """The model as ``load_bundle`` would give it."""
        return Model(
            self.onnx,
            where="the fitted model",
            name=f"{name}/{version}",
            features=tuple(features),
            calibration_a=self.calibration.a,
            calibration_b=self.calibration.b,
            baseline=np.array([math.nan if v is None else v for v in self.baseline], dtype=np.float32),
            prior=self.prior,
        )

    def write(
        self,
        directory: Path,
        *,
        name: str,
        version: str,
        features: Sequence[str],
        schema_hash: str,
        model_card: str,
        metrics: Mapping[str, Any] | None = None,
        files: Mapping[str, str] | None = None,
    ) -> Path:
        """Write the bundle to ``directory/name/version``; returns that path. Raises ModelError.

        ``metrics``: more of them, beside those of training. ``files``: more texts of the bundle, by name.
        """
        info = BundleInfo(
            name=name,
            version=version,
            features=tuple(features),
            schema_hash=schema_hash,
            sha256=hashlib.sha256(self.onnx).hexdigest(),
            calibration=self.calibration,
            baseline=self.baseline,
            prior=self.prior,
            trained_on=self.trained_on,
            metrics={**self.metrics, **(metrics or {})},
            libraries=self.libraries,
        )
        return write_bundle(directory, info, self.onnx, model_card, files=files)


def split_rows(
    rows: TrainingRows,
    test_seeds: Sequence[int],
    settings: TrainingSettings,
    groups: npt.NDArray[np.int64] | None = None,
) -> Split:
    """Test by seed, calibration by caller. ``groups``: those of the rows, where known.

    Raises ModelError when a part would hold only one class.
    """
    from sklearn.model_selection import GroupShuffleSplit

    test = np.isin(rows.seeds, np.asarray(test_seeds, dtype=np.int64))
    rest = np.flatnonzero(~test)
    if len(rest) == 0:
        raise ModelError("training rows: every row belongs to a test seed, nothing is left to fit")
    # Where labels are few, a split may leave a part with one class only: the first that does not is taken.
    splitter = GroupShuffleSplit(
        _SPLITS_TRIED, test_size=settings.calibration_share, random_state=settings.random_state
    )
    lacking = ""
    for fit_at, calibration_at in splitter.split(
        rest, groups=(rows.groups() if groups is None else groups)[rest]
    ):
        parts = []
        for name, at in (("fit", fit_at), ("calibration", calibration_at)):
            mask = np.zeros(len(test), dtype=np.bool_)
            mask[rest[at]] = True
            parts.append(mask)
            spam = int(rows.spam[mask].sum())
            if spam == 0 or spam == len(at):
                lacking = (
                    f"the {name} part needs spam and legitimate attempts, found {spam} spam of {len(at)}"
                )
                break
        else:
            return Split(parts[0], parts[1], test)
    raise ModelError(f"training rows: {lacking}; use more seeds, or labels of more callers")


def _split_folds(rows: TrainingRows, test_seeds: Sequence[int], folds: Collection[int]) -> Split:
    """Test by seed; all others are fitted on and calibrate. Raises ModelError when a forest would learn from
    one class only."""
    test = np.isin(rows.seeds, np.asarray(test_seeds, dtype=np.int64))
    for fold in folds:
        spam = rows.spam[~test & (rows.folds != fold)]
        if spam.all() or not spam.any():
            raise ModelError(
                f"training rows: without fold {fold} spam and legitimate attempts are needed, found "
                f"{int(spam.sum())} spam of {len(spam)}; use more seeds, or labels of more callers"
            )
    return Split(~test, ~test, test)


def _classifier(settings: TrainingSettings, names: Sequence[str]) -> Any:
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier
    except ImportError as error:
        raise MissingExtraError("train", "train", error.name or "scikit-learn") from None
    return HistGradientBoostingClassifier(
        max_iter=settings.trees,
        max_depth=settings.max_depth,
        max_leaf_nodes=settings.max_leaf_nodes,
        min_samples_leaf=settings.min_samples_leaf,
        learning_rate=settings.learning_rate,
        l2_regularization=settings.l2_regularization,
        monotonic_cst=[settings.monotonic.get(name, 0) for name in names],
        max_bins=settings.max_bins,
        max_features=settings.max_features,
        early_stopping=settings.early_stopping_rounds > 0,
        n_iter_no_change=max(1, settings.early_stopping_rounds),
        random_state=settings.random_state,
    )


def _fit(
    member: Member,
    rows: TrainingRows,
    cuts: Sequence[F32],
    fit: Bools,
    groups: npt.NDArray[np.int64],
    settings: TrainingSettings,
    names: Sequence[str],
) -> Any:
    """A classifier of bin numbers, fitted on the member's rows of ``fit``.

    Early stopping looks at callers that no tree is grown on.
    """
    fit = fit & member.learned(rows)
    if member.fold is not None:
        fit &= rows.folds != member.fold
        settings = replace(settings, random_state=settings.random_state + member.fold)
    weights = row_weights(rows, groups, settings) * np.where(rows.spam, 1.0, settings.legit_weight)
    held_out = np.zeros_like(fit)
    if settings.early_stopping_rounds > 0:
        # By caller: rows of one caller in both would never stop it.
        rng = np.random.default_rng(settings.random_state)
        held_out = (rng.random(int(groups.max()) + 1) < settings.early_stopping_share)[groups] & fit
    at = fit & ~held_out

    def bins(chosen: Bools) -> F64:
        found = to_bins(rows.values, cuts, chosen)
        if member.matched:
            match_operators(found, rows.seeds[chosen], settings.max_bins)
        return found

    extra: dict[str, Any] = {}
    if held_out.any():
        extra = {
            "X_val": bins(held_out),
            "y_val": rows.spam[held_out],
            "sample_weight_val": weights[held_out],
        }
    classifier = _classifier(settings, names)
    return classifier.fit(bins(at), rows.spam[at], sample_weight=weights[at], **extra)


def _raw_log_odds(classifier: Any, values: F32, cuts: Sequence[F32]) -> F64:
    """float64[n]; in chunks, because scikit-learn copies its input."""
    raw = np.empty(len(values))
    for start in range(0, len(values), CHUNK_ROWS):
        chunk = to_bins(values[start : start + CHUNK_ROWS], cuts)
        raw[start : start + CHUNK_ROWS] = classifier.decision_function(chunk)
    return raw


def row_weights(rows: TrainingRows, groups: npt.NDArray[np.int64], settings: TrainingSettings) -> F64:
    """float64[n]: what each row counts, its caller's others considered."""
    weights = caller_weights(groups, settings.max_weight_per_caller)
    return weights if rows.weights is None else weights * rows.weights


def caller_weights(groups: npt.NDArray[np.int64], max_weight: float) -> F64:
    """float64[n]: weights so that the rows of one group sum to at most ``max_weight``."""
    counts = np.bincount(groups)[groups]
    return np.asarray(np.minimum(1.0, max_weight / counts), dtype=np.float64)


def train(
    rows: TrainingRows,
    *,
    names: Sequence[str],
    test_seeds: Sequence[int],
    settings: TrainingSettings | None = None,
    members: Sequence[Member] = (),
) -> TrainedModel:
    """Fit, calibrate, convert and measure. The same rows and settings give the same bytes.

    ``members``: several forests; the model is their mean (``average_forests``). None: one forest of all rows.
    Raises MissingExtraError without scikit-learn and skl2onnx; ModelError when the rows cannot be split, when
    the ONNX scores differ from scikit-learn's or when all forests together are too large to ship.
    """
    settings = settings or TrainingSettings()
    if rows.values.shape[1] != len(names):
        raise ModelError(f"training rows: expected {len(names)} features, found {rows.values.shape[1]}")
    rows = rows.thinned(settings.max_rows_per_caller)
    groups = rows.groups()
    mixed = members or [Member(set(rows.seeds.tolist()))]
    folds = {member.fold for member in mixed if member.fold is not None}
    if folds and rows.folds is None:
        raise ModelError("training rows: expected folds, of which each forest leaves one out, found none")
    split = _split_folds(rows, test_seeds, folds) if folds else split_rows(rows, test_seeds, settings, groups)
    weights = row_weights(rows, groups, settings)
    cuts = bin_cuts(rows.values, settings.max_bins, split.fit)
    fold_share = sum(member.weight for member in mixed if member.fold is not None)
    # ``held``: as ``raw``, of each row's folds only the forest that left it out.
    raw, held, forests, at = np.zeros(len(rows)), np.zeros(len(rows)), [], split.calibration
    for member in mixed:
        if member.onnx is None:
            classifier = _fit(member, rows, cuts, split.fit, groups, settings, names)
            found = _raw_log_odds(classifier, rows.values, cuts)
            forests.append(convert(classifier, len(names), cuts))
        else:
            found = onnx_log_odds(member.onnx, rows.values)
            forests.append(member.onnx)
            at = at & ~member.learned(rows)
        raw += member.weight * found
        held += found * (member.weight if member.fold is None else fold_share * (rows.folds == member.fold))
    weights_of = [member.weight for member in mixed]
    raw /= sum(weights_of)
    held /= sum(weights_of)
    onnx = average_forests(forests, weights_of)
    check_size(onnx)
    assert_same_scores(onnx, rows.values, raw)
    # Callers of seeds that a forest before has not seen are those of strange networks: their slope would make
    # it timid in the one that it knows.
    slope = 1.0 if any(member.onnx is not None for member in mixed) else None
    calibration = fit_sigmoid(held[at], rows.spam[at], weights[at], slope=slope)
    probability, held = (sigmoid(calibration.a * found + calibration.b) for found in (raw, held))
    without_fold = {
        fold: average_forests(
            [forest for forest, member in zip(forests, mixed, strict=True) if member.fold in (None, fold)],
            [fold_share if m.fold == fold else m.weight for m in mixed if m.fold in (None, fold)],
        )
        for fold in sorted(folds)
    }
    return TrainedModel(
        onnx=onnx,
        calibration=calibration,
        baseline=legitimate_baseline(rows.values[split.fit & ~rows.spam]),
        metrics={
            part: measure(found[mask], rows.spam[mask], weights[mask])
            for part, mask, found in (
                ("fit", split.fit, probability),
                ("calibration", at, held),
                ("test", split.test, probability),
            )
            if mask.any()
        },
        trained_on={
            "seeds": sorted({int(s) for s in np.unique(rows.seeds)} - {int(s) for s in test_seeds}),
            "test_seeds": sorted(int(s) for s in test_seeds),
            "rows": {
                "fit": int(split.fit.sum()),
                "calibration": int(at.sum()),
                "test": int(split.test.sum()),
            },
            "callers": int(groups.max()) + 1,
            **({"forests": len(forests)} if members else {}),
            "trees": count_trees(onnx),
            "spam_rows": int(rows.spam.sum()),
            "settings": {
                name: getattr(settings, name) for name in settings.__dataclass_fields__ if name != "monotonic"
            },
            "monotonic": dict(settings.monotonic),
        },
        libraries={name: package_version(name) for name in ("scikit-learn", "skl2onnx", "onnx", "numpy")},
        prior=settings.prior,
        without_fold=without_fold,
    )
