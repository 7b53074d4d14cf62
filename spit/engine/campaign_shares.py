"""One respect in which callers may be alike: what they share of it, over what any two callers would share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


class Shares:
    """One respect: every caller's share of calls per value, over the square root of that of all callers."""

    def __init__(
        self,
        counts: Sequence[Mapping[str, int] | Mapping[int, int]],
        members: int,
        core: int,
        weights: npt.NDArray[np.float64],
        *,
        offset: float,
        rarest: float,
        most: float,
    ) -> None:
        self._core, self._offset, self._most = core, np.float32(offset), np.float32(most)
        codes: dict[str | int, int] = {}
        triples = [
            (row, codes.setdefault(value, len(codes)), count)
            for row, held in enumerate(counts)
            for value, count in held.items()
        ]
        found = np.array(triples, np.int64).reshape(-1, 3)
        row, code, count = found[:, 0], found[:, 1], found[:, 2]
        of_code = np.bincount(code, count * weights[row], len(codes))
        usual = np.maximum(of_code / max(1.0, of_code.sum()), rarest)
        own = row < members
        row, code, count = row[own], code[own], count[own]
        of_row = np.bincount(row, count, members)
        # A value that only one of the core has is shared with nobody there.
        holders = np.bincount(code[row < core], minlength=len(codes))
        kept = holders >= (2 if members == core else 1)
        position = np.cumsum(kept) - 1
        chosen = kept[code]
        self._width = int(kept.sum())
        self._row, self._column = row[chosen], position[code[chosen]]
        scaled = count[chosen] / of_row[row[chosen]] / np.sqrt(usual[code[chosen]])
        self._value = scaled.astype(np.float32)
        self._starts = np.searchsorted(self._row, np.arange(members + 1))
        self._unknown = of_row == 0
        self._dense_core = self._dense(np.arange(core))

    def likeness(self, rows: I64) -> F32:
        """float32[len(rows), core]; 0 with a caller of whom nothing of this is known."""
        product = self._dense(rows) @ self._dense_core.T
        found = np.minimum(np.log(self._offset + product), self._most)
        found[self._unknown[rows]] = 0.0
        found[:, self._unknown[: self._core]] = 0.0
        return np.asarray(found, dtype=np.float32)

    def _dense(self, rows: I64) -> F32:
        """``rows`` must be consecutive."""
        first, last = self._starts[rows[0]], self._starts[rows[-1] + 1]
        dense = np.zeros((len(rows), self._width), np.float32)
        dense[self._row[first:last] - rows[0], self._column[first:last]] = self._value[first:last]
        return dense


def how_often(values: Iterable[int]) -> dict[int, int]:
    """How often each value comes."""
    counts: dict[int, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
