"""The little of SIP's grammar that an answer needs: lists, parameters, tags (RFC 3261 section 25.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_EMPTY = re.compile(r"[;,](?:\s*[;,]|\s*$)")
_DISPLAY_NAME = re.compile(r'\s*"(?:[^"\\]|\\.)*"', re.DOTALL)


def first_of_list(value: str) -> tuple[str, str]:
    """The first element of a comma-separated value, and the rest with its comma; quotes are honoured."""
    comma = _without_quoted(value).find(",")
    return (value, "") if comma < 0 else (value[:comma], value[comma:])


def parameters(text: str) -> list[tuple[str, str | None]]:
    """``;name=value;flag`` as pairs, names in lower case; None where there is no value."""
    found: list[tuple[str, str | None]] = []
    for one in _split(text, ";"):
        name, equals, value = one.partition("=")
        if name.strip():
            found.append((name.strip().lower(), value.strip() if equals else None))
    return found


def tag(address: str) -> str | None:
    """The tag of a From or To value; None where there is none."""
    named = _DISPLAY_NAME.match(address)
    rest = address[named.end() :] if named is not None else address
    opened = rest.find("<")
    if opened >= 0:
        closed = rest.find(">", opened)
        rest = rest[closed + 1 :] if closed >= 0 else ""
    else:
        rest = rest.partition(";")[2]
    return next((value for name, value in parameters(rest) if name == "tag" and value), None)


def has_empty_element(value: str) -> bool:
    """Whether separators stand side by side or at the end, with nothing between them."""
    return _EMPTY.search(_without_quoted(value)) is not None


def _split(text: str, separator: str) -> Iterator[str]:
    blanked = _without_quoted(text)
    start = 0
    while (end := blanked.find(separator, start)) >= 0:
        yield text[start:end]
        start = end + 1
    yield text[start:]


def _without_quoted(text: str) -> str:
    """The text with what is quoted blanked, so that places stay the same."""
    return _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), text) if '"' in text else text
