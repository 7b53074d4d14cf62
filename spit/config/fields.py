"""How a setting is declared: its default, how it is read, and what was expected where that fails."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: A path may be anything but this: the program that opens it says what is wrong.
PATH = r"[^\x00]*"


@dataclass(frozen=True, slots=True)
class Setting:
    """How one key is read: ``read`` returns the value in its final type or raises ValueError.

    ``hide``: a secret's value as messages and ``spit config show`` may tell it; None: it is no secret.
    """

    read: Callable[[object], object]
    expected: str
    hide: Callable[[object], str] | None = None


def setting_field(
    default: object,
    read: Callable[[object], object],
    expected: str,
    hide: Callable[[object], str] | None = None,
) -> Any:
    """A key whose value ``read`` gives; the functions below are the usual kinds."""
    # Not in repr: a configuration that is logged must not tell its secrets.
    return field(default=default, repr=hide is None, metadata={"setting": Setting(read, expected, hide)})


def hidden(value: object) -> str:
    """What is told of a secret: whether there is one."""
    return "***" if value else ""


def integer_field(default: int, low: int, high: int) -> Any:
    """A whole number, both ends included."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError
        return value

    return setting_field(default, read, f"an integer from {low} to {high}")


def optional_number_field(low: float, high: float) -> Any:
    """A number, both ends included, or None where it is "" or not given."""

    def read(value: object) -> float | None:
        if value is None or value == "":
            return None
        return read_number(value, low, high)

    return setting_field(None, read, f'a number from {low:g} to {high:g}, or ""')


def read_number(value: object, low: float, high: float) -> float:
    """Raises ValueError for what is no finite number in the range."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    if not math.isfinite(value) or not low <= value <= high:
        raise ValueError
    return float(value)


def number_field(default: float, low: float, high: float, unit: str = "") -> Any:
    """A number, both ends included."""

    def read(value: object) -> float:
        return read_number(value, low, high)

    return setting_field(default, read, f"a number{unit} from {low:g} to {high:g}")


def boolean_field(default: bool) -> Any:
    """true or false; 0 and 1 are neither."""

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise ValueError
        return value

    return setting_field(default, read, "true or false")


def text_field(default: str, pattern: str, expected: str, hide: Callable[[object], str] | None = None) -> Any:
    """A text that matches the pattern from end to end."""

    def read(value: object) -> str:
        if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
            raise ValueError
        return value

    return setting_field(default, read, expected, hide)


def choice_field(default: str, choices: tuple[str, ...]) -> Any:
    """One of a few words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in choices:
            raise ValueError
        return value

    return setting_field(default, read, "one of " + ", ".join(f'"{choice}"' for choice in choices))


def texts_field(default: tuple[str, ...], read_one: Callable[[str], str], expected: str) -> Any:
    """A list of texts, each as ``read_one`` returns it."""

    def read(value: object) -> tuple[str, ...]:
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise ValueError
        if not all(isinstance(one, str) for one in value):
            raise ValueError
        return tuple(read_one(one) for one in value)

    return setting_field(default, read, expected)


def shown(value: object) -> str:
    """A wrong value as messages tell it: its type and at most 80 characters of it."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 80 else text[:77] + '...'}"
