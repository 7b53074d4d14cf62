"""Why an attempt is suspicious: symbols with weights, in words.

The weight of a symbol is found by occlusion: the attempt's log-odds minus its log-odds with the symbol's
features set to what is usual for legitimate attempts (the bundle's baseline). Source of the method: Zeiler
and Fergus 2014, applied to groups of features.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from spit.model.counterfactual import counterfactuals
from spit.model.scorer import F32, F64, Detector
from spit.model.symbol import Row, Symbol
from spit.model.symbols import SYMBOLS, UNUSUAL_PATTERN
from spit.records import Reason

MAX_REASONS = 5
#: Log-odds below which a symbol is not worth a person's time: it moves a score of 0.5 by 0.05.
MIN_WEIGHT = 0.2

#: Rows explained at a time: bounds the memory of the occluded copies to a few megabytes.
_CHUNK_ROWS = 128


def explain(
    model: Detector,
    values: F32,
    symbols: tuple[Symbol, ...] = SYMBOLS,
    *,
    to_pass: F64 | None = None,
) -> list[tuple[Reason, ...]]:
    """Reasons of each attempt (row of float32[n, F]), strongest first, at least one and at most five.

    A symbol is named when it weighs at least MIN_WEIGHT and its words hold for the row's values. Among more
    than five, telling symbols come before common ones. ``to_pass``: float64[n], by how much the log-odds must
    fall for the attempt to pass; with it the reasons say what would have done so.
    """
    result: list[tuple[Reason, ...]] = []
    for start in range(0, len(values), _CHUNK_ROWS):
        chunk = values[start : start + _CHUNK_ROWS]
        weights, overall = symbol_weights(model, chunk, symbols)
        placed = [symbol for symbol, _ in _place(model.features, symbols)]
        for i in range(len(chunk)):
            row = Row(model.features, chunk[i])
            found = _reasons(row, placed, weights[i], float(overall[i]))
            if to_pass is not None:
                found = _with_counterfactuals(model, chunk[i], found, float(to_pass[start + i]), symbols)
            result.append(found)
    return result


def _with_counterfactuals(
    model: Detector, row: F32, reasons: tuple[Reason, ...], to_pass: float, symbols: tuple[Symbol, ...]
) -> tuple[Reason, ...]:
    columns = {symbol.name: at for symbol, at in _place(model.features, symbols)}
    named = [reason for reason in reasons if reason.symbol in columns]
    words = counterfactuals(model, row, [columns[reason.symbol] for reason in named], to_pass)
    said = {reason.symbol: text for reason, text in zip(named, words, strict=True)}
    return tuple(replace(reason, counterfactual=said.get(reason.symbol)) for reason in reasons)


def symbol_weights(
    model: Detector, values: F32, symbols: tuple[Symbol, ...] = SYMBOLS
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """float64[n, S]: weight of each symbol that the model has features for; float64[n]: of all together."""
    masks = _masks(model.features, symbols)
    n, width = values.shape
    occluded = np.where(masks, model.baseline, values[:, np.newaxis, :])
    log_odds = model.log_odds(occluded.reshape(-1, width)).reshape(n, len(masks))
    weights = log_odds[:, :1] - log_odds[:, 1:]
    return weights[:, :-1], weights[:, -1]


def _reasons(
    row: Row, symbols: list[Symbol], weights: npt.NDArray[np.float64], overall: float
) -> tuple[Reason, ...]:
    strongest_first = np.argsort(-weights, kind="stable")
    found: list[tuple[bool, Reason]] = []
    for s in strongest_first:
        weight = float(weights[s])
        if weight < MIN_WEIGHT:
            break
        text = symbols[s].text(row)
        if text is not None:
            found.append((symbols[s].telling, Reason(symbols[s].name, round(weight, 3), text)))
    if found:
        # Sorting is stable: the telling ones, then the strongest; the names in order of weight again.
        kept = [reason for _, reason in sorted(found, key=lambda f: not f[0])[:MAX_REASONS]]
        return tuple(sorted(kept, key=lambda reason: -reason.weight))
    # Nothing that can be said of these values in particular: name what weighs most, without numbers.
    if len(weights) and weights[strongest_first[0]] >= MIN_WEIGHT:
        symbol = symbols[strongest_first[0]]
        weight = float(weights[strongest_first[0]])
        return (Reason(symbol.name, round(weight, 3), f"Unusual for a legitimate caller: {symbol.subject}."),)
    return (Reason(UNUSUAL_PATTERN.name, round(overall, 3), UNUSUAL_PATTERN.text(row) or ""),)


@lru_cache(maxsize=8)
def _masks(features: tuple[str, ...], symbols: tuple[Symbol, ...]) -> npt.NDArray[np.bool_]:
    """bool[S + 2, F]: the columns of nothing, of each symbol placed, and of everything."""
    placed = _place(features, symbols)
    masks = np.zeros((len(placed) + 2, len(features)), np.bool_)
    for s, (_, columns) in enumerate(placed):
        masks[s + 1, columns] = True
    masks[-1] = True
    return masks


@lru_cache(maxsize=8)
def _place(
    features: tuple[str, ...], symbols: tuple[Symbol, ...]
) -> tuple[tuple[Symbol, npt.NDArray[np.int64]], ...]:
    """Each symbol with the columns of its features; symbols without any are left out."""
    at = {name: i for i, name in enumerate(features)}
    placed = ((s, np.array([at[f] for f in s.features if f in at], dtype=np.int64)) for s in symbols)
    return tuple((symbol, columns) for symbol, columns in placed if len(columns))
