"""Moments as flags name them."""

from __future__ import annotations

import re

from spit.cli.parser import UsageError
from spit.lists import parse_time_us

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 7 * 86_400}


def parse_expiry(text: str | None, now_us: int) -> int | None:
    """Epoch µs of ``30d`` from now, of epoch seconds or of ISO 8601; None: never. Raises UsageError."""
    if text is None:
        return None
    span = re.fullmatch(r"([0-9]{1,6})([smhdw])", text)
    try:
        time_us = (
            now_us + int(span[1]) * _UNITS_S[span[2]] * 1_000_000 if span is not None else parse_time_us(text)
        )
    except ValueError as error:
        raise UsageError(f"--expires: expected 30d, 12h, 45m, {error}, found {text}") from None
    if time_us <= now_us:
        raise UsageError(f"--expires: expected a time in the future, found {text}")
    return time_us
