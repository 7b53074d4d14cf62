"""What would have made a call pass, in words: "Would pass if at least 30 % of callees were repeats."

One symbol's features are moved towards what is usual for legitimate attempts (the bundle's baseline), in a
few steps, until the log-odds have fallen far enough; the others stay. Source: Wachter, Mittelstadt and
Russell 2018. It is said as if all of the caller's attempts had changed.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from spit.model.scorer import F32, Detector
from spit.model.symbol import percent

#: Shares of the way to the baseline that are tried, the shortest first.
STEPS = (0.25, 0.5, 0.75, 1.0)
_SHARES = np.array(STEPS, np.float32)[:, np.newaxis]

_FEATURE = re.compile(r"(caller|peer|source|callee|block|origid)_(.+?)(?:_(1m|10m|1h|1d|7d))?")
_WHOSE = {
    "caller": "",
    "peer": " from this source and equipment",
    "source": " from this address",
    "callee": " to this number",
    "block": " from this number block",
    "origid": " with this origid",
}
_SPANS = {"1m": "a minute", "10m": "10 minutes", "1h": "an hour", "1d": "a day", "7d": "a week"}


def _share(words: str, *, complement: bool = False) -> Callable[[float, bool], str]:
    """``words`` with "at least" or "at most" a share; ``complement``: the words say the opposite."""

    def text(value: float, rises: bool) -> str:
        share, more = (1.0 - value, not rises) if complement else (value, rises)
        return f"{'at least' if more else 'at most'} {percent(share)} {words}"

    return text


def _amount(words: str, digits: int = 0) -> Callable[[float, bool], str]:
    def text(value: float, rises: bool) -> str:
        return words.replace("{limit}", f"{'at least' if rises else 'at most'} {value:.{digits}f}")

    return text


#: By the part of the feature's name between key and window. ``{whose}`` and ``{span}`` are filled in.
_TEXTS: dict[str, Callable[[float, bool], str]] = {
    "first_contact_ratio": _share("of callees{whose} were repeats", complement=True),
    "redial_ratio": _share("of the calls{whose} were redials"),
    "reciprocal_ratio": _share("of callees{whose} also called back"),
    "sequential_ratio": _share("of the numbers dialled{whose} lay side by side"),
    "same_block_ratio": _share("of the numbers dialled{whose} lay in one block"),
    "answer_ratio": _share("of the calls{whose} were answered"),
    "short_call_ratio": _share("of the answered calls{whose} ended within 6 seconds"),
    "cancelled_ratio": _share("of the calls{whose} were given up while ringing"),
    "one_ring_ratio": _share("of the calls{whose} rang once and were dropped"),
    "not_found_ratio": _share("of the numbers dialled{whose} did not exist"),
    "refused_ratio": _share("of the calls{whose} were declined"),
    "no_answer_ratio": _share("of the calls{whose} rang without an answer"),
    "unwanted_ratio": _share("of the calls{whose} were reported as unwanted"),
    "callee_hang_up_ratio": _share("of the answered calls{whose} were ended by the callee"),
    "rotation_ratio": _share("of the calls{whose} came under a number new within the hour"),
    "new_caller_ratio": _share("of the calls{whose} came under a number new within the week"),
    "diverted_ratio": _share("of the calls{whose} were forwarded"),
    "withheld_ratio": _share("of the calls{whose} withheld the number"),
    "mean_talk_s": _amount("answered calls{whose} lasted {limit} seconds on average"),
    "mean_ring_before_cancel_s": _amount("it rang {limit} seconds before giving up"),
    "attempts": _amount("there were {limit} calls{whose} in {span}"),
    "distinct_callees": _amount("{limit} different people were called{whose} in {span}"),
    "distinct_callers": _amount("{limit} different numbers called{whose} in {span}"),
}


def counterfactuals(
    model: Detector, row: F32, columns: list[npt.NDArray[np.int64]], to_pass: float
) -> list[str | None]:
    """For each group of ``columns`` of float32[F] ``row``: the words, None where moving them is not enough.

    ``to_pass``: by how much the log-odds must fall.
    """
    if not columns or not to_pass > 0.0:
        return [None] * len(columns)
    moved = np.repeat(row[np.newaxis, :], len(columns) * len(STEPS) + 1, axis=0)
    for group, at in enumerate(columns):
        known = at[np.isfinite(model.baseline[at]) & np.isfinite(row[at])]
        first = 1 + group * len(STEPS)
        moved[first : first + len(STEPS), known] += _SHARES * (model.baseline[known] - row[known])
    log_odds = model.log_odds(moved)
    falls = (log_odds[0] - log_odds[1:]).reshape(len(columns), len(STEPS))
    result: list[str | None] = []
    for group, at in enumerate(columns):
        enough = np.flatnonzero(falls[group] >= to_pass)
        target = moved[1 + group * len(STEPS) + int(enough[0])] if len(enough) else row
        result.append(_words(model.features, row, target, at))
    return result


def _words(names: tuple[str, ...], row: F32, target: F32, columns: npt.NDArray[np.int64]) -> str | None:
    """The feature that moved most, of those that there are words for."""
    to, come_from = target[columns], row[columns]
    moved = np.abs(to - come_from) / (np.abs(to) + np.abs(come_from) + 1e-9)
    for place in np.argsort(np.where(np.isnan(moved), 0.0, -moved), kind="stable").tolist():
        at = int(columns[place])
        match = _FEATURE.fullmatch(names[at])
        if match is None or not moved[place] > 0.01 or match[2] not in _TEXTS:
            continue
        text = _TEXTS[match[2]](float(target[at]), bool(target[at] > row[at]))
        text = text.replace("{whose}", _WHOSE[match[1]]).replace(
            "{span}", _SPANS.get(match[3] or "", "a day")
        )
        return f"Would pass if {text}."
    return None
