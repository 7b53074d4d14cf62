"""What a symbol is, and how the common kinds of sentences are made.

Shares and means are shrunk to what is usual while little is known, and counts decay; the words therefore say
"about".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


class Row:
    """One attempt's features by name; NaN where unknown, and every comparison with NaN is false."""

    def __init__(self, names: tuple[str, ...], values: npt.NDArray[np.float32]) -> None:
        self._values: dict[str, float] = dict(zip(names, values.tolist(), strict=True))

    def __getitem__(self, name: str) -> float:
        return self._values.get(name, math.nan)

    def highest(self, *names: str) -> float:
        """The highest known value; NaN where none is known."""
        return float(np.fmax.reduce([self[name] for name in names]))

    def lowest(self, *names: str) -> float:
        """The lowest known value; NaN where none is known."""
        return float(np.fmin.reduce([self[name] for name in names]))


#: The words for a row, or None when the symbol must not be said of its values.
Text = Callable[[Row], str | None]


@dataclass(frozen=True, slots=True, eq=False)  # each is one of a table: compared and hashed as itself
class Symbol:
    """One piece of evidence. ``subject`` says what it is about, also where no number can be said.

    ``telling``: the mark of one kind of campaign, which a person should hear of even when common signs (few
    answers, short calls) weigh more.
    """

    name: str
    subject: str
    features: tuple[str, ...]
    text: Text
    telling: bool = False


def hour_and_day(*names: str) -> tuple[str, ...]:
    return tuple(f"{name}_{window}" for name in names for window in ("1h", "1d"))


def share_over(limit: float, names: tuple[str, ...], words: str, *, of: str = "", least: float = 0.0) -> Text:
    """``words`` with the highest share, when that is at least ``limit`` and ``of`` at least ``least``."""

    def text(row: Row) -> str | None:
        share = row.highest(*names)
        enough = not of or row[of] >= least
        return words.format(percent=percent(share)) if share >= limit and enough else None

    return text


def share_under(limit: float, names: tuple[str, ...], words: str) -> Text:
    """``words`` with the lowest share, when that is at most ``limit``."""

    def text(row: Row) -> str | None:
        share = row.lowest(*names)
        return words.format(percent=percent(share)) if share <= limit else None

    return text


def count_over(words: str, *windows: tuple[str, float, str]) -> Text:
    """``words`` with count and span of the first of ``windows`` (feature, least, span) that is reached."""

    def text(row: Row) -> str | None:
        for name, least, span in windows:
            if row[name] >= least:
                return words.format(count=f"{row[name]:.0f}", span=span)
        return None

    return text


def flag(name: str, words: str) -> Text:
    """``words`` where the feature is 1."""
    return lambda row: words if row[name] >= 0.5 else None


def short_calls(who: str, shorts: tuple[str, ...], means: tuple[str, ...]) -> Text:
    """How long answered calls last, when that is short; else how many end within 6 seconds."""

    def text(row: Row) -> str | None:
        mean_s, share = row.lowest(*means), row.highest(*shorts)
        if mean_s <= 75.0:
            return f"Answered calls {who} last only about {mean_s:.0f} seconds on average."
        if share >= 0.12:
            return f"About {percent(share)} of the answered calls {who} end within 6 seconds."
        return None

    return text


def percent(share: float) -> str:
    """A share from 0 to 1, for people."""
    return f"{100.0 * share:.0f} %"
