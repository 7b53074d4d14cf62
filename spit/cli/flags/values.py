"""What the value of a flag may be: each reads a text, or tells argparse what was expected."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

#: How rows are written.
FORMATS = ("table", "jsonl", "csv", "parquet")

#: What of a benchmark is run.
BENCHMARK_PARTS = ("traffic", "baselines", "leave-one-out", "quality")


_MAX_SEEDS = 10_000


def count(least: int) -> Callable[[str], int]:
    """A whole number of at least that."""

    def read(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"expected a whole number of at least {least}, found {text}")
        return value

    return read


def seeds(text: str) -> tuple[int, ...]:
    """``1-12`` or ``1,2,3`` or both; each seed once."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() if dash else True)):
            raise argparse.ArgumentTypeError(f"expected seeds as 1-12 or 1,2,3, found {text}")
        low, high = int(first), int(last) if dash else int(first)
        if not low <= high < low + _MAX_SEEDS:
            raise argparse.ArgumentTypeError(
                f"expected a rising range of at most {_MAX_SEEDS} seeds, found {part}"
            )
        found.extend(range(low, high + 1))
    if len(set(found)) != len(found):
        raise argparse.ArgumentTypeError(f"expected each seed once, found {text}")
    return tuple(found)


def world_seeds(text: str) -> tuple[int, ...]:
    """The same from 1 on; none of ``0``."""
    found = () if text == "0" else seeds(text)
    if 0 in found:
        raise argparse.ArgumentTypeError(f"expected seeds from 1 on, or 0 alone for none, found {text}")
    return found


def benchmark_parts(text: str) -> tuple[str, ...]:
    """``traffic,quality``."""
    parts = tuple(text.split(","))
    unknown = [part for part in parts if part not in BENCHMARK_PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"expected {', '.join(BENCHMARK_PARTS)}, found {unknown[0]!r}")
    return parts


def positive(text: str) -> float:
    """A finite number above 0."""
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text}")
    return value


def share(text: str) -> float:
    """A number between 0 and 1, both left out."""
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"expected a number between 0 and 1, found {text}")
    return value


def speed(text: str) -> float:
    """A number above 0; infinite for ``max``."""
    return math.inf if text == "max" else positive(text)


def port(text: str) -> int:
    """0: one that is free."""
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, found {text}")
    return value
