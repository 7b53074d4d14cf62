"""Detectors to compare with, each as its users know it and at its best threshold.

Every baseline is one function with the same face: labelled traffic in, a ``FittedBaseline`` out, whose
``score`` maps the events of a capture to a score per attempt, known at that attempt. Where a scheme has
settings that its users tune, all combinations of a grid are tried and the best is taken: the one that catches
the most spam calls at the attempt while at most a share ``budget`` of legitimate callers is ever flagged.
Nothing is chosen on the traffic that is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt

from spit.engine.baseline_traffic import Traffic, refused
from spit.engine.detection_metrics import least_threshold
from spit.model.train import kept_rows
from spit.records import Outcome

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

Scorer = Callable[[Traffic], F64]

_MINUTE_S, _HOUR_S, _DAY_S = 60.0, 3_600.0, 86_400.0
#: RFC 6076 knows no short call; carriers say 6 seconds.
_SHORT_CALL_S = 6.0
_FRAUD_COUNTERS = ("per minute", "total", "concurrent", "sequential", "duration")
#: A caller's attempts count at most as much as this many to what is fitted, as in spit.model.train.
_MAX_WEIGHT_PER_CALLER = 20.0
_MAX_ROWS_PER_CALLER = 60


@dataclass(frozen=True, slots=True)
class LabelledTraffic:
    """One capture and whether each of its attempts is spam."""

    traffic: Traffic
    spam: Bools


@dataclass(frozen=True, slots=True)
class FittedBaseline:
    """``score(traffic)``: float64 per attempt; an attempt is flagged where it exceeds ``threshold``."""

    name: str
    settings: str
    score: Scorer
    threshold: float


Fit = Callable[[Sequence[LabelledTraffic], Sequence[LabelledTraffic], float], FittedBaseline]


def rate_limit(
    fit: Sequence[LabelledTraffic], choose: Sequence[LabelledTraffic], budget: float
) -> FittedBaseline:
    """Attempts per caller or per source address in an interval: what every SBC ships."""
    del fit
    windows = {"1 s": 1.0, "10 s": 10.0, "1 min": _MINUTE_S, "10 min": 600.0, "1 h": _HOUR_S, "1 d": _DAY_S}
    return _best(
        "rate limit",
        {
            f"attempts of a {'source address' if by_source else 'caller'} in {words}": _attempts(s, by_source)
            for (words, s), by_source in product(windows.items(), (False, True))
        },
        choose,
        budget,
    )


def short_calls(
    fit: Sequence[LabelledTraffic], choose: Sequence[LabelledTraffic], budget: float
) -> FittedBaseline:
    """ANI profiling as carriers do it: with enough attempts in 6 h, a low ASR or many short calls.

    20 attempts in 6 h, short calls at most 15 % of connected ones (docs/evaluation.md); the least number of
    attempts, the window and the weight of either ratio are tuned.
    """
    del fit
    candidates = {
        f"at least {least} attempts in {window_s / _HOUR_S:g} h, {words}": _profile(least, window_s, share)
        for least, window_s, (words, share) in product(
            (5, 10, 20, 50),
            (_HOUR_S, 6 * _HOUR_S, _DAY_S),
            {"ASR": 0.0, "short calls": 1.0, "ASR and short calls": 0.5}.items(),
        )
    }
    return _best("ASR and short calls", candidates, choose, budget)


def fraud_thresholds(
    fit: Sequence[LabelledTraffic], choose: Sequence[LabelledTraffic], budget: float
) -> FittedBaseline:
    """Thresholds on calls per minute, total, concurrent and sequential calls, and call duration.

    The five counters of the fraud_detection module of OpenSIPS, per caller; sequential: calls in a row to
    one destination. A caller is flagged when any of the counters in use exceeds its limit. Which are in use
    is tuned; each limit starts at a quantile of what legitimate callers of ``fit`` reach at most, all are
    then scaled together.
    """
    highest = np.concatenate(
        [
            np.stack([_highest(values, one)[_is_legitimate(one)] for values in one.traffic.fraud_counters])
            for one in fit
        ],
        axis=1,
    )
    candidates: dict[str, Scorer] = {}
    for quantile, used in product((0.99, 0.999), product((True, False), repeat=len(highest))):
        if any(used):
            limits = np.maximum(np.quantile(highest, quantile, axis=1), 1e-9)
            words = ", ".join(name for name, use in zip(_FRAUD_COUNTERS, used, strict=True) if use)
            candidates[f"{words} at the {quantile:.1%} quantile of legitimate callers"] = _over_limits(
                np.where(used, limits, np.inf)
            )
    return _best("fraud thresholds", candidates, choose, budget)


def grey_levels(
    fit: Sequence[LabelledTraffic], choose: Sequence[LabelledTraffic], budget: float
) -> FittedBaseline:
    """Progressive multi grey-levelling (Shin, Ahn and Shim 2006): a short-term and a long-term level.

    Every attempt raises both levels of its caller; both fall with time, the long-term one slowly. In
    continuous time: a level falls by one per leak time. Leak times and the weight of the levels are tuned.
    """
    del fit
    candidates = {
        f"short-term level falls by 1 in {short_s:g} s, long-term in {long_s / _MINUTE_S:g} min, "
        f"weights 1:{weight:g}": _levels(short_s, long_s, weight)
        for short_s, long_s, weight in product(
            (10.0, 30.0, _MINUTE_S), (600.0, _HOUR_S, 6 * _HOUR_S), (0.2, 1.0, 5.0)
        )
    }
    return _best("grey-levelling", candidates, choose, budget)


def logistic_regression(
    fit: Sequence[LabelledTraffic], choose: Sequence[LabelledTraffic], budget: float
) -> FittedBaseline:
    """Logistic regression on attempts in an hour, the ratio of first contacts, and the answer ratio."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def read(traffic: Traffic) -> F32:
        attempts = traffic.attempts(_HOUR_S)
        contacts = traffic.attempted(traffic.first_contact, _HOUR_S) / attempts
        ended = traffic.ended(None, _HOUR_S)
        answered = traffic.ended(traffic.is_outcome[Outcome.ANSWERED], _HOUR_S)
        # One call of each kind before there is anything to go by, or the first call is a ratio of 0 / 0.
        return _rows([np.log1p(attempts), contacts, (answered + 1.0) / (ended + 2.0)])

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    values, spam, weights = _training_rows(read, fit)
    model.fit(values, spam, logisticregression__sample_weight=weights)
    return _best("logistic regression", {"three features": _decided(model, read)}, choose, budget)


def gradient_boosting(
    fit: Sequence[LabelledTraffic], choose: Sequence[LabelledTraffic], budget: float
) -> FittedBaseline:
    """Gradient-boosted trees on 23 features of the caller alone, trained on this kind of traffic."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=200, max_leaf_nodes=31, learning_rate=0.08, early_stopping=False, random_state=7
    )
    kept = [kept_rows(one.traffic.caller, _MAX_ROWS_PER_CALLER) for one in fit]
    values = np.concatenate([caller_features(one.traffic)[at] for one, at in zip(fit, kept, strict=True)])
    model.fit(values, np.concatenate([one.spam[at] for one, at in zip(fit, kept, strict=True)]))
    scorer = _decided(model, caller_features)
    return _best("gradient boosting", {f"{values.shape[1]} features of the caller": scorer}, choose, budget)


BASELINES: Mapping[str, Fit] = {
    "rate limit": rate_limit,
    "ASR and short calls": short_calls,
    "fraud thresholds": fraud_thresholds,
    "grey-levelling": grey_levels,
    "logistic regression": logistic_regression,
    "gradient boosting": gradient_boosting,
}


def caller_features(traffic: Traffic) -> F32:
    """float32[n, 23]: what is usually read off a caller's records; NaN where unknown."""
    answered, outcome = traffic.is_outcome[Outcome.ANSWERED], traffic.is_outcome
    short = answered & (traffic.duration_s <= _SHORT_CALL_S)
    talk_s = np.nan_to_num(traffic.duration_s)
    ring_s = np.nan_to_num(traffic.ring_s)
    day_ended, hour_ended = traffic.ended(None, _DAY_S), traffic.ended(None, _HOUR_S)
    day_answered = traffic.ended(answered, _DAY_S)
    gap_s = traffic.gap_s()
    log_gap = np.nan_to_num(np.log1p(gap_s))
    gaps = np.maximum(traffic.attempts(_DAY_S) - 1.0, 0.0)
    mean_log_gap = _ratio(traffic.attempted(log_gap, _DAY_S), gaps)
    step = np.abs(traffic.callee_number - traffic.callee_number[traffic.previous])
    near = (traffic.previous >= 0) & (np.nan_to_num(step, nan=np.inf) <= 10.0)
    return _rows(
        [
            *(traffic.attempts(window_s) for window_s in (_MINUTE_S, 600.0, _HOUR_S, 6 * _HOUR_S, _DAY_S)),
            gap_s,
            mean_log_gap,
            _ratio(traffic.attempted(log_gap**2, _DAY_S), gaps) - mean_log_gap**2,
            traffic.attempted(traffic.first_contact, _HOUR_S) / traffic.attempts(_HOUR_S),
            traffic.attempted(traffic.first_contact, _DAY_S) / traffic.attempts(_DAY_S),
            traffic.attempted(near, _HOUR_S) / traffic.attempts(_HOUR_S),
            _ratio(traffic.ended(answered, _HOUR_S), hour_ended),
            _ratio(day_answered, day_ended),
            _ratio(traffic.ended(short, _DAY_S), day_answered),
            _ratio(traffic.ended(talk_s * answered, _DAY_S), day_answered),
            _ratio(traffic.ended(answered & traffic.hung_up_by_callee, _DAY_S), day_answered),
            _ratio(traffic.ended(ring_s, _DAY_S), day_ended),
            _ratio(traffic.ended(outcome[Outcome.CANCELLED], _DAY_S), day_ended),
            _ratio(traffic.ended(outcome[Outcome.CANCELLED] & (ring_s <= _SHORT_CALL_S), _DAY_S), day_ended),
            _ratio(traffic.ended(outcome[Outcome.NOT_FOUND], _DAY_S), day_ended),
            _ratio(traffic.ended(outcome[Outcome.BUSY], _DAY_S), day_ended),
            _ratio(traffic.ended(refused(traffic), _DAY_S), day_ended),
            traffic.attempts(None) - traffic.ended(None, None),
        ]
    )


def _attempts(window_s: float, by_source: bool) -> Scorer:
    return lambda traffic: traffic.attempts(window_s, by_source=by_source)


def _profile(least: int, window_s: float, short_share: float) -> Scorer:
    def score(traffic: Traffic) -> F64:
        answered = traffic.is_outcome[Outcome.ANSWERED]
        ended, connected = traffic.ended(None, window_s), traffic.ended(answered, window_s)
        short = traffic.ended(answered & (traffic.duration_s <= _SHORT_CALL_S), window_s)
        failed_ratio = 1.0 - connected / np.maximum(ended, 1.0)
        short_ratio = short / np.maximum(connected, 1.0)
        found = (1.0 - short_share) * failed_ratio + short_share * short_ratio
        return np.where(traffic.attempts(window_s) >= least, found, 0.0)

    return score


def _over_limits(limits: F64) -> Scorer:
    def score(traffic: Traffic) -> F64:
        return np.asarray((traffic.fraud_counters / limits[:, np.newaxis]).max(axis=0), dtype=np.float64)

    return score


def _levels(short_s: float, long_s: float, weight: float) -> Scorer:
    return lambda traffic: traffic.level(1.0 / short_s) + weight * traffic.level(1.0 / long_s)


def _decided(model: Any, read: Callable[[Traffic], F32]) -> Scorer:
    return lambda traffic: np.asarray(model.decision_function(read(traffic)), dtype=np.float64)


def _training_rows(
    read: Callable[[Traffic], F32], labelled: Sequence[LabelledTraffic]
) -> tuple[F32, Bools, F64]:
    values, spam, weights = [], [], []
    for one in labelled:
        counts = np.bincount(one.traffic.caller)[one.traffic.caller]
        values.append(read(one.traffic))
        spam.append(one.spam)
        weights.append(np.minimum(1.0, _MAX_WEIGHT_PER_CALLER / counts))
    return np.concatenate(values), np.concatenate(spam), np.concatenate(weights)


def _best(
    name: str, candidates: Mapping[str, Scorer], labelled: Sequence[LabelledTraffic], budget: float
) -> FittedBaseline:
    """The candidate that catches the most spam calls within the budget; the first of equals."""
    best: FittedBaseline | None = None
    most = -1.0
    for settings, score in candidates.items():
        scores = [score(one.traffic) for one in labelled]
        threshold = least_threshold(
            np.concatenate(
                [_highest(s, one)[_is_legitimate(one)] for s, one in zip(scores, labelled, strict=True)]
            ),
            budget,
        )
        caught = sum(float((s[one.spam] > threshold).sum()) for s, one in zip(scores, labelled, strict=True))
        if caught > most:
            best, most = FittedBaseline(name, settings, score, threshold), caught
    if best is None:
        raise ValueError(f"{name}: expected candidates, found none")
    return best


def _highest(scores: F64, one: LabelledTraffic) -> F64:
    """float64[callers]: highest score of each caller's legitimate attempts; -inf without any."""
    highest = np.full(int(one.traffic.caller.max(initial=-1)) + 1, -np.inf)
    legitimate = ~one.spam
    np.maximum.at(highest, one.traffic.caller[legitimate], scores[legitimate])
    return highest


def _is_legitimate(one: LabelledTraffic) -> Bools:
    found = np.zeros(int(one.traffic.caller.max(initial=-1)) + 1, np.bool_)
    found[one.traffic.caller[~one.spam]] = True
    return found


def _rows(columns: Sequence[F64]) -> F32:
    return np.stack(columns, axis=1).astype(np.float32)


def _ratio(part: F64, whole: F64) -> F64:
    return np.where(whole > 0.0, part / np.maximum(whole, 1.0), np.nan)
