"""Columns of events declared as expressions: worked out in Rust, for many rows at once (``_core.Plan``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Kind, numbers of the operands, numbers and words: as ``_core.Plan`` takes it.
DeclaredColumn = tuple[str, list[int], list[float], list[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """A number for each event; truths are 0 and 1, NaN is not known. Comparisons with NaN are false."""

    kind: str
    operands: tuple[Column, ...] = ()
    numbers: tuple[float, ...] = ()
    words: tuple[str, ...] = ()

    def __invert__(self) -> Column:
        """Of a truth."""
        return Column("not", (self,))

    def __and__(self, other: Column) -> Column:
        """Of truths."""
        return Column("and", (self, other))

    def __or__(self, other: Column) -> Column:
        """Of truths."""
        return Column("or", (self, other))

    def __lt__(self, other: float) -> Column:
        return Column("less", (self, constant(other)))

    def __le__(self, other: float) -> Column:
        return Column("at_most", (self, constant(other)))

    def __gt__(self, other: float) -> Column:
        return Column("less", (constant(other), self))

    def __ge__(self, other: float) -> Column:
        return Column("at_most", (constant(other), self))

    def equals(self, other: Column | float) -> Column:
        return Column("equal", (self, _column(other)))

    def __sub__(self, other: Column | float) -> Column:
        return Column("difference", (self, _column(other)))

    def __truediv__(self, other: float) -> Column:
        return Column("quotient", (self, constant(other)))

    def __neg__(self) -> Column:
        return Column("negated", (self,))

    def __abs__(self) -> Column:
        return Column("magnitude", (self,))

    def squared(self) -> Column:
        return Column("product", (self, self))

    def floor(self) -> Column:
        return Column("floor", (self,))

    def log_one_plus(self) -> Column:
        """ln(1 + x)."""
        return Column("log_one_plus", (self,))

    def is_finite(self) -> Column:
        return Column("is_finite", (self,))

    def at_most(self, limit: float) -> Column:
        """The lesser of the two; the limit where it is NaN."""
        return Column("lesser", (self, constant(limit)))

    def clipped(self, low: float, high: float) -> Column:
        """Within these; NaN stays."""
        return Column("clipped", (self,), (low, high))

    def where(self, condition: Column) -> Column:
        """0 where the condition, a truth, does not hold."""
        return Column("choice", (condition, self, constant(0.0)))


def constant(value: float) -> Column:
    """The same for each event."""
    return Column("constant", (), (value,))


def own(name: str) -> Column:
    """What an attempt says by itself (crates/spit-core/src/attempt.rs)."""
    return Column("own", (), (), (name,))


def answer(name: str) -> Column:
    """What a primitive knew before the event."""
    return Column("answer", (), (), (name,))


def number(name: str, *, null: float) -> Column:
    """A column of numbers or truths of the event."""
    return Column("number", (), (null,), (name,))


def code(name: str, words: Sequence[str]) -> Column:
    """The position of the event's word among these, -1 for another and for none."""
    return Column("code", (), (), (name, *words))


def known(name: str) -> Column:
    """Whether a column of the event has a value."""
    return Column("known", (), (), (name,))


def given(name: str) -> Column:
    """Handed over beside the events."""
    return Column("given", (), (), (name,))


#: Kinds whose first word is a column of the event.
_READING = ("number", "code", "known")


class Numbered:
    """Columns of one kind of event in the order in which they are worked out, each once."""

    def __init__(self) -> None:
        self.declared: list[DeclaredColumn] = []
        self._numbers: dict[tuple[object, ...], int] = {}
        self._seen: dict[Column, int] = {}

    def number(self, column: Column) -> int:
        """Its number; columns of the same kind of the same operands have one."""
        if column in self._seen:
            return self._seen[column]
        operands = [self.number(operand) for operand in column.operands]
        key = (column.kind, *operands, *column.numbers, *column.words)
        if key not in self._numbers:
            self._numbers[key] = len(self.declared)
            self.declared.append((column.kind, operands, list(column.numbers), list(column.words)))
        self._seen[column] = self._numbers[key]
        return self._numbers[key]

    def read(self) -> set[str]:
        """The columns of events that are read, but for those of an attempt's own."""
        return {words[0] for kind, _, _, words in self.declared if kind in _READING}


def _column(value: Column | float) -> Column:
    return value if isinstance(value, Column) else constant(value)
