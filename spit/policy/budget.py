"""The budget of wrong blocks as it is spent: blocks, those that were wrong, how far to hold back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from spit._core import Pairs, Sums, hash_keys
from spit.errors import InputError
from spit.policy.policy import TIGHTENINGS

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: The age at which a caller and a complaint weigh 1/e: the budget recovers over some weeks.
TIME_CONSTANT_S = 7 * 86_400.0
_IDLE_S = 24 * TIME_CONSTANT_S
#: Complaints of one caller within this are one.
_REPORT_WINDOW_S = TIME_CONSTANT_S
_MAX_REPORTERS = 100_000
#: There is one budget: the key of its sums.
_KEY = 1
_STATES = ("callers", "wrong", "reported")


class PolicyBudget:
    """Counts callers seen and wrong blocks reported, decayed by event time, and blocks in all.

    The budget allows ``max_wrong_per_10000`` wrong blocks per 10,000 callers seen, and at least one: a single
    complaint on a quiet day is no trend. Not thread-safe.
    """

    def __init__(self) -> None:
        self._callers, self._wrong = (
            Sums(1, [TIME_CONSTANT_S], idle_s=_IDLE_S, max_keys=1) for _ in range(2)
        )
        self._reported = Pairs(window_s=_REPORT_WINDOW_S, max_pairs=_MAX_REPORTERS)
        self._blocks_decided = 0
        self._wrong_blocks_reported = 0

    def count_callers(self, times_us: I64, is_new: Mask, max_wrong_per_10000: float) -> I64:
        """int64[n]: the level at each attempt; then counts callers of whom nothing was known.

        Level 0: within the budget; 1, 2: spent up to twice, four times; TIGHTENINGS + 1: beyond, tag only.
        """
        n = len(times_us)
        callers = self._callers.fold(_keys(n), times_us, is_new.astype(np.float64).reshape(-1, 1))
        if len(self._wrong) == 0:  # as on nearly every day
            return np.zeros(n, np.int64)
        return _levels(self._wrong.read(_keys(n), times_us)[:, 0], callers[:, 0], max_wrong_per_10000)

    def count_blocks(self, blocks: int) -> None:
        """Count callers that were blocked for the first time."""
        self._blocks_decided += blocks

    def report_wrong_block(self, time_us: int, caller: str) -> bool:
        """Count an appeal that was right; False when this caller's was counted within the window."""
        time, always = np.array([time_us], np.int64), np.ones(1, np.bool_)
        age = self._reported.fold(hash_keys(pa.array([caller], pa.string())), time, always)
        if not np.isnan(age[0]):
            return False
        self._wrong.fold(_keys(1), time, np.ones((1, 1)))
        self._wrong_blocks_reported += 1
        return True

    def level(self, time_us: int, max_wrong_per_10000: float) -> int:
        """The level at this time."""
        if (
            not self._wrong.read_one(_KEY, time_us)[0] > 0.0
        ):  # as on nearly every day, and asked at every call
            return 0
        at = np.array([time_us], np.int64)
        wrong, callers = (sums.read(_keys(1), at)[:, 0] for sums in (self._wrong, self._callers))
        return int(_levels(wrong, callers, max_wrong_per_10000)[0])

    def states(self) -> dict[str, pa.RecordBatch]:
        """Everything that ``restore`` needs, by name, beside ``totals``."""
        return {name: primitive.state() for name, primitive in self._primitives().items()}

    def totals(self) -> dict[str, int]:
        """Blocks decided and wrong ones reported since the beginning."""
        return {
            "blocks_decided": self._blocks_decided,
            "wrong_blocks_reported": self._wrong_blocks_reported,
        }

    def restore(self, states: Mapping[str, pa.RecordBatch], totals: Mapping[str, int]) -> None:
        """Replace what was counted. Raises InputError when a state is missing."""
        if set(states) != set(_STATES):
            raise InputError(f"budget state: expected {', '.join(_STATES)}, found {', '.join(states)}")
        for name, primitive in self._primitives().items():
            primitive.restore(states[name])
        self._blocks_decided = int(totals.get("blocks_decided", 0))
        self._wrong_blocks_reported = int(totals.get("wrong_blocks_reported", 0))

    def _primitives(self) -> dict[str, Sums | Pairs]:
        return dict(zip(_STATES, (self._callers, self._wrong, self._reported), strict=True))


def _keys(n: int) -> npt.NDArray[np.uint64]:
    return np.full(n, _KEY, np.uint64)


def _levels(wrong: F64, callers: F64, max_wrong_per_10000: float) -> I64:
    allowed = np.maximum(1.0, max_wrong_per_10000 / 10_000.0 * np.nan_to_num(callers))
    spent = np.nan_to_num(wrong) / allowed
    # A hair of tolerance: decay must not make 1.0 of a complaint that came this very moment more than 1.
    return np.ceil(np.log2(np.clip(spent - 1e-9, 1.0, 2.0**TIGHTENINGS * 2.0))).astype(np.int64)
