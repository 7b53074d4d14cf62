"""Text for people: control characters made harmless, numbers and times readable."""

from __future__ import annotations

from datetime import UTC, datetime


def printable(text: str) -> str:
    """``text`` with control and other unprintable characters escaped.

    SIP headers are hostile input: an escape sequence in a display name must not reach the terminal.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def iso_time(epoch_s: float) -> str:
    """UTC, milliseconds: 2026-11-22T04:10:00.123Z. A time outside the calendar is printed as seconds."""
    try:
        moment = datetime.fromtimestamp(epoch_s, UTC)
    except (OverflowError, OSError, ValueError):
        return f"{epoch_s:.3f}"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def byte_count(count: float) -> str:
    """Bytes with a decimal unit: 12.3 MB."""
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def shorten(text: str, width: int) -> str:
    """``text`` in at most ``width`` characters, an ellipsis where it was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"
