"""List entries: what an operator says of numbers. Storage keeps them, policy reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TypeVar

#: A URI or a number to its canonical identity, None when it holds none.
Canonicalise = Callable[[str], str | None]

MAX_PATTERN = 256
MAX_TEXT = 1024
#: Seconds until a call back passes, and for how long from then on (ITU-T X.1246: call-back delay).
CALLBACK_DELAY_S = 60
CALLBACK_WINDOW_S = 4 * 3_600
MAX_CALLBACK_S = 7 * 86_400
#: The year 2100: catches milliseconds where seconds are meant.
LAST_TIME_S = 4_102_444_800

#: Regular expressions as JSON Schema has them too.
PATTERN_FORM = r"^(\*|[!-)+-~]+\*?)$"  # printable ASCII, as SIP identities are
CALLEE_FORM = r"^(\*|[!-)+-~]+\*?)?$"
TEXT_FORM = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"  # what would break CSV, logs, terminals
TENANT_FORM = r"^[0-9A-Za-z._:@/-]{0,64}$"

T = TypeVar("T")

_RANGE = re.compile(r"(\+[0-9]{2,20})-(\+[0-9]{2,20})")


class ListKind(StrEnum):
    """What an entry does; the order is that of decision, ``decoy`` aside."""

    ALLOW = "allow"
    CONSENT = "consent"
    DNO = "dno"  # do-not-originate: nobody calls from this number, so the caller's identity is false
    BLOCK = "block"
    GREY = "grey"  # refused once, and passes when it calls back
    DECOY = "decoy"  # a callee that nobody has a reason to call


@dataclass(frozen=True, slots=True)
class Pattern:
    """The identities from ``first`` to ``last``, both of one length, or those that begin with ``prefix``."""

    first: str = ""
    last: str = ""
    prefix: str | None = None

    def holds(self, identity: str) -> bool:
        """Whether the canonical ``identity`` (lower case) is one of them."""
        if self.prefix is not None:
            return identity.startswith(self.prefix)
        if self.first == self.last:
            return identity == self.first
        # As texts: numbers of one length compare as numbers do.
        return len(identity) == len(self.first) and self.first <= identity <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """One entry. ``pattern`` is of callers, of a decoy the callee itself; ``callee``: "" is everybody.

    ``tenant``: "" is all of them. Times are epoch µs; ``expires_at_us`` None: never. ``callback_delay_s`` and
    ``callback_window_s`` are those of ``grey``. ``id`` 0: not kept yet.
    """

    kind: ListKind
    pattern: str
    tenant: str = ""
    callee: str = ""
    expires_at_us: int | None = None
    reason: str = ""
    author: str = ""
    created_at_us: int = 0
    callback_delay_s: int | None = None
    callback_window_s: int | None = None
    id: int = 0

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What no two entries share."""
        return self.kind.value, self.tenant, self.pattern, self.callee


@dataclass(frozen=True, slots=True)
class FieldMistake:
    """One mistake: which field, what was expected, what was found."""

    field: str
    expected: str
    found: str


class EntryError(Exception):
    """An entry has mistakes."""

    def __init__(self, mistakes: list[FieldMistake]) -> None:
        super().__init__(
            "; ".join(f"{one.field}: expected {one.expected}, found {one.found}" for one in mistakes)
        )
        self.mistakes = tuple(mistakes)


def parse_pattern(text: str) -> Pattern:
    """``+12025550100``, ``+1202555*``, ``+12025550100-+12025550199`` or ``*``.

    Raises ValueError: what was expected.
    """
    if len(text) > MAX_PATTERN:
        raise ValueError(f"at most {MAX_PATTERN} characters")
    if found := _RANGE.fullmatch(text):
        first, last = found.groups()
        if len(first) != len(last) or first >= last:
            raise ValueError("two numbers of one length, the smaller one first")
        return Pattern(first, last)
    if re.fullmatch(PATTERN_FORM, text) is None:
        raise ValueError(
            "an identity (+12025550100), a prefix (+1202555*) or a range (+12025550100-+12025550199)"
        )
    if text.endswith("*"):
        return Pattern(prefix=text[:-1])
    return Pattern(text, text)


def read_entry(values: Mapping[str, object], canonicalise: Canonicalise | None = None) -> ListEntry:
    """An entry of the fields of the API and of CSV; all but ``kind`` and ``pattern`` may be absent.

    Times are epoch seconds or ISO 8601 with an offset. ``canonicalise`` brings whole identities to their
    canonical form. Raises EntryError: every mistake.
    """
    mistakes: list[FieldMistake] = []

    def read(name: str, reader: Callable[[object], T], default: T) -> T:
        value = values.get(name)
        if value is None or value == "":
            return default
        try:
            return reader(value)
        except ValueError as error:
            mistakes.append(FieldMistake(name, str(error), show(value)))
            return default

    def pattern(value: object) -> str:
        text = _text(value).strip().lower()
        parsed = parse_pattern(text)
        if canonicalise is not None and parsed.prefix is None and parsed.first == parsed.last:
            canonical = canonicalise(text)
            if canonical is None or parse_pattern(canonical).prefix is not None:
                raise ValueError("an identity, a URI or a number")
            return canonical.lower()
        return text

    kind = read("kind", _kind, None)
    entry: dict[str, object] = {
        "pattern": read("pattern", pattern, ""),
        "tenant": read("tenant", _tenant, ""),
        "callee": read("callee", pattern, ""),
        "expires_at_us": read("expires_at", _time_us, None),
        "reason": read("reason", _line, ""),
        "author": read("author", _line, ""),
        "created_at_us": read("created_at", _time_us, 0),
        "callback_delay_s": read("callback_delay_s", _callback_s, None),
        "callback_window_s": read("callback_window_s", _callback_s, None),
    }
    wrong = {one.field for one in mistakes}
    for name in ("kind", "pattern"):
        if name not in wrong and values.get(name) in (None, ""):
            mistakes.append(FieldMistake(name, "a value", "nothing"))
    if kind is not None and not mistakes:
        mistakes += _joint_mistakes(kind, entry)
    if kind is None or mistakes:
        raise EntryError(mistakes)
    if kind is ListKind.GREY:
        entry["callback_delay_s"] = entry["callback_delay_s"] or CALLBACK_DELAY_S
        entry["callback_window_s"] = entry["callback_window_s"] or CALLBACK_WINDOW_S
    return ListEntry(kind=kind, **entry)  # type: ignore[arg-type]  # each was read as its own type


def _joint_mistakes(kind: ListKind, entry: Mapping[str, object]) -> list[FieldMistake]:
    """The rules that join fields."""
    mistakes = []
    callee, pattern = str(entry["callee"]), str(entry["pattern"])
    if kind is ListKind.CONSENT and not callee:
        mistakes.append(FieldMistake("callee", "who consents to the calls", "nothing"))
    if kind in (ListKind.DNO, ListKind.DECOY) and callee:
        mistakes.append(FieldMistake("callee", f"none with kind {kind.value}", show(callee)))
    if pattern == "*" and not callee:
        expected = "a pattern of some callers, because no callee is named"
        mistakes.append(FieldMistake("pattern", expected, show(pattern)))
    if kind is not ListKind.GREY:
        mistakes += [
            FieldMistake(name, f"none with kind {kind.value}", show(entry[name]))
            for name in ("callback_delay_s", "callback_window_s")
            if entry[name] is not None
        ]
    return mistakes


def parse_time_us(text: str) -> int:
    """Epoch seconds, or ISO 8601 with an offset, as epoch µs. Raises ValueError: what was expected."""
    expected = "epoch seconds up to the year 2100, or a time such as 2026-12-31T00:00:00Z"
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(expected) from None
        if moment.tzinfo is None:
            raise ValueError("a time with its offset, such as 2026-12-31T00:00:00Z") from None
        since = moment - datetime.fromtimestamp(0, UTC)
        time_us = since // timedelta(microseconds=1)
    else:
        if not math.isfinite(seconds) or not 0 <= seconds <= LAST_TIME_S:
            raise ValueError(expected)
        time_us = round(seconds * 1e6)
    if not 0 <= time_us <= LAST_TIME_S * 1_000_000:
        raise ValueError(expected)
    return time_us


def show_time(time_us: int) -> str:
    """ISO 8601 in UTC, as ``parse_time_us`` reads it back."""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=time_us)
    return moment.isoformat().removesuffix("+00:00") + "Z"


def show(value: object) -> str:
    """A value as messages show it: short, with its type when it is not text."""
    shown = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _text(value: object) -> str:
    surrogates = isinstance(value, str) and re.search("[\ud800-\udfff]", value) is not None
    if not isinstance(value, str) or surrogates or re.fullmatch(TEXT_FORM, value) is None:
        raise ValueError("text on one line without control characters")
    return value


def _line(value: object) -> str:
    text = _text(value)
    if len(text) > MAX_TEXT:
        raise ValueError(f"at most {MAX_TEXT} characters")
    return text


def _kind(value: object) -> ListKind | None:
    try:
        return ListKind(str(value))
    except ValueError:
        raise ValueError("one of " + ", ".join(kind.value for kind in ListKind)) from None


def _tenant(value: object) -> str:
    text = _text(value)
    if re.fullmatch(TENANT_FORM, text) is None:
        raise ValueError("up to 64 letters, digits and . _ : @ / -")
    return text


def _time_us(value: object) -> int:
    if isinstance(value, bool):
        raise ValueError("epoch seconds")
    return parse_time_us(str(value))


def _callback_s(value: object) -> int:
    text = str(value)
    if (
        isinstance(value, bool)
        or re.fullmatch(r"[0-9]{1,9}", text) is None
        or not 1 <= int(text) <= MAX_CALLBACK_S
    ):
        raise ValueError(f"whole seconds from 1 to {MAX_CALLBACK_S}")
    return int(text)
