"""Settings from environment variables: ``SPIT_SECTION_KEY`` stands for ``section.key``."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping

from spit.errors import ConfigError

#: Variables of this project that are no settings.
_OTHERS = frozenset({"SPIT_MODEL"})
_PREFIX = "SPIT_"


def variable_of(key: str) -> str:
    """The variable that sets ``section.key``."""
    return _PREFIX + key.replace(".", "_").upper()


def variable_entries(
    environment: Mapping[str, str], readers: Mapping[str, Callable[[object], object]]
) -> Iterator[tuple[str, str, object]]:
    """Origin, key and value of each variable that is a setting; ``readers`` are by ``section.key``.

    Raises ConfigError for a variable that looks like a setting and is none: it would be ignored in silence.
    """
    keys = {variable_of(key): key for key in readers}
    for name in sorted(environment):
        if not name.startswith(_PREFIX) or name in _OTHERS:
            continue
        if name not in keys:
            import difflib

            close = difflib.get_close_matches(name, keys, n=1)
            expected = close[0] if close else "SPIT_SECTION_KEY of docs/configuration.md"
            raise ConfigError(f"environment: {name}: expected {expected}, found an unknown variable")
        key = keys[name]
        yield f"environment variable {name}", key, _value(environment[name], readers[key])


def _value(text: str, read: Callable[[object], object]) -> object:
    """The first reading of ``text`` that the setting takes: as it is, as TOML, as a list."""
    readings: tuple[Callable[[], object], ...] = (
        lambda: text,
        lambda: _toml(text),
        lambda: _split(text),
        lambda: _toml(f"[{text}]"),
    )
    for reading in readings:
        try:
            value = reading()
            read(value)
        except ValueError:
            continue
        return value
    return text


def _toml(text: str) -> object:
    """Raises ValueError."""
    if "\n" in text:
        raise ValueError
    document = tomllib.loads(f"value = {text}")  # TOMLDecodeError is a ValueError
    return document["value"]


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
