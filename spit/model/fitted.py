"""Of a fitted model: its calibration, the usual values of its features, what single attempts show of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from spit.model.bundle import Calibration
from spit.model.scorer import F32, F64, sigmoid

Bools = npt.NDArray[np.bool_]


def fit_sigmoid(raw: F64, spam: Bools, weights: F64, *, slope: float | None = None) -> Calibration:
    """Platt's sigmoid on held-out callers, by Newton's method on weighted, smoothed targets.

    Source: Platt 1999; Lin, Lin and Weng 2007. ``a`` is held to at most 1: held-out *simulated* callers are
    easier than real ones, so calibration may make the trees more careful, never bolder. ``slope``: what it is
    instead of being fitted.
    """
    positive = float(weights[spam].sum())
    negative = float(weights[~spam].sum())
    target = np.where(spam, (positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0))

    def solve(fixed_a: float | None) -> tuple[float, float]:
        a, b = (1.0 if fixed_a is None else fixed_a), 0.0
        for _ in range(100):
            p = sigmoid(a * raw + b)
            residual = weights * (p - target)
            curvature = weights * p * (1.0 - p)
            # A slight ridge towards a = 1 keeps separable data finite.
            gradient = np.array([float(residual @ raw) + 1e-3 * (a - 1.0), float(residual.sum())])
            hessian = np.array(
                [
                    [float(curvature @ raw**2) + 1e-3, float(curvature @ raw)],
                    [float(curvature @ raw), float(curvature.sum()) + 1e-9],
                ]
            )
            if fixed_a is None:
                step = np.linalg.solve(hessian, gradient)
            else:
                step = np.array([0.0, gradient[1] / hessian[1, 1]])
            step = np.clip(step, -1.0, 1.0)
            a, b = a - float(step[0]), b - float(step[1])
            if float(np.abs(step).max()) < 1e-10:
                break
        return a, b

    a, b = solve(slope)
    if not 0.05 <= a <= 1.0:
        a, b = solve(min(max(a, 0.05), 1.0))
    return Calibration(a=round(a, 9), b=round(b, 9))


def legitimate_baseline(values: F32) -> tuple[float | None, ...]:
    """Per-feature median; None where a feature is unknown more often than known."""
    known = np.isfinite(values)
    return tuple(
        float(np.median(values[known[:, i], i])) if known[:, i].mean() >= 0.5 else None
        for i in range(values.shape[1])
    )


def measure(probability: F64, spam: Bools, weights: F64) -> dict[str, float | int | None]:
    """Metrics of single attempts, callers weighted as in training. None where a class is absent."""
    from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

    both = bool(spam.any()) and not bool(spam.all())

    def area(metric: Callable[..., float]) -> float | None:
        return round(float(metric(spam, probability, sample_weight=weights)), 6) if both else None

    def share(mask: Bools) -> float | None:
        total = float(weights[mask].sum())
        return round(float(weights[mask & (probability >= 0.5)].sum()) / total, 6) if total else None

    return {
        "attempts": len(spam),
        "roc_auc": area(roc_auc_score),
        "average_precision": area(average_precision_score),
        "brier": round(float(brier_score_loss(spam, probability, sample_weight=weights, pos_label=True)), 6),
        "true_positive_rate_at_0.5": share(spam),
        "false_positive_rate_at_0.5": share(~spam),
    }
