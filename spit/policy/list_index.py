"""The lists in memory: which entry holds for a tenant, a caller, a callee and a time, in microseconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Literal, TypeVar

from spit.lists import ListEntry, ListKind, Pattern, parse_pattern

#: What is decided first; a decoy decides nothing.
_RANKS = {
    ListKind.ALLOW: 0,
    ListKind.CONSENT: 1,
    ListKind.DNO: 2,
    ListKind.BLOCK: 3,
    ListKind.GREY: 4,
    ListKind.DECOY: 5,
}
_NEVER_US = 2**63 - 1

_Key = TypeVar("_Key")
#: Which table of an index, and whose.
_Place = tuple[Literal["tenant", "tenants_pass", "decoys"], str]


@dataclass(frozen=True, slots=True)
class Match:
    """``entry``: the one that decides, None where none does.

    ``by_callee``: an entry for this caller names a callee: no answer may be remembered for the caller.
    """

    entry: ListEntry | None = None
    by_callee: bool = False

    @property
    def kind(self) -> ListKind | None:
        """Of the entry."""
        return None if self.entry is None else self.entry.kind


NO_MATCH = Match()


@dataclass(frozen=True, slots=True)
class _Rule:
    """An entry as it is matched."""

    entry: ListEntry
    pattern: Pattern
    callee: Pattern | None
    expires_at_us: int
    rank: int


class ListIndex:
    """Entries by pattern: whole identities in a dict, prefixes in one by length, ranges in a search tree.

    Never changed after it was made: ``with_changes`` gives another one, which shares what is the same.
    """

    def __init__(self, entries: Iterable[ListEntry] = ()) -> None:
        self._entries: dict[int, ListEntry] = {}
        self._tenants: dict[str, _Table] = {}
        self._decoys = _Table()
        #: Those that let a caller pass for one tenant alone, whichever it is.
        self._tenants_pass = _Table()
        self._counts: Counter[ListKind] = Counter()
        self._fill(entries, touched={})

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> list[ListEntry]:
        """All entries, expired ones too."""
        return list(self._entries.values())

    def counts(self) -> dict[str, int]:
        """Entries by kind, expired ones too."""
        return {kind.value: self._counts[kind] for kind in ListKind}

    def with_changes(self, changed: Iterable[ListEntry], removed: Iterable[int]) -> ListIndex:
        """This index with ``changed`` entries (new ones too) and without the ids ``removed``."""
        changed = list(changed)
        index = ListIndex()
        index._entries = dict(self._entries)
        index._tenants = dict(self._tenants)
        index._decoys = self._decoys
        index._tenants_pass = self._tenants_pass
        index._counts = self._counts.copy()
        touched: dict[_Place, _Table] = {}
        for one in (*removed, *(entry.id for entry in changed)):
            if (old := index._entries.pop(one, None)) is not None:
                index._counts[old.kind] -= 1
                for table in index._tables(old, touched):
                    table.remove(old)
        index._fill(changed, touched)
        return index

    def match(self, tenant: str, caller: str | None, callee: str | None, time_us: int) -> Match:
        """The entry that decides at ``time_us`` (epoch µs) on a call of canonical identities; None: unknown.

        ``tenant`` "" has only the entries of all tenants.
        """
        if caller is None or not self._tenants:
            return NO_MATCH
        best: _Rule | None = None
        by_callee = False
        for name in ("", tenant) if tenant else ("",):
            table = self._tenants.get(name)
            if table is None:
                continue
            for rule in table.find(caller):
                if rule.expires_at_us <= time_us:
                    continue
                if rule.callee is not None:
                    by_callee = True
                    if callee is None or not rule.callee.holds(callee):
                        continue
                if best is None or rule.rank < best.rank:
                    best = rule
        if best is None:
            return Match(None, True) if by_callee else NO_MATCH
        return Match(best.entry, by_callee)

    def blocks(self, tenant: str, caller: str, callee: str, time_us: int) -> ListEntry | None:
        """A block or do-not-originate entry that lets calls of the caller not pass at ``time_us``, or None.

        ``tenant`` "": of any tenant; ``callee`` "": to anybody.
        """
        names = [*self._tenants] if not tenant else ["", tenant]
        for rule in chain.from_iterable(
            self._tenants[one].find(caller) for one in names if one in self._tenants
        ):
            in_force = rule.entry.kind in (ListKind.BLOCK, ListKind.DNO) and rule.expires_at_us > time_us
            if in_force and (rule.callee is None or not callee or rule.callee.holds(callee)):
                return rule.entry
        return None

    def passes_some_tenant(self, caller: str, time_us: int) -> bool:
        """Whether a tenant allows the caller: what is said of the caller to all does not hold there."""
        return any(rule.expires_at_us > time_us for rule in self._tenants_pass.find(caller))

    def is_decoy(self, callee: str | None, time_us: int) -> bool:
        """Whether nobody has a reason to call ``callee``, whosever entry says so."""
        return callee is not None and any(rule.expires_at_us > time_us for rule in self._decoys.find(callee))

    @property
    def has_decoys(self) -> bool:
        """Whether any entry is a decoy."""
        return not self._decoys.is_empty

    @property
    def decides(self) -> bool:
        """Whether any entry but decoys is there."""
        return bool(self._tenants)

    def _fill(self, entries: Iterable[ListEntry], touched: dict[_Place, _Table]) -> None:
        for entry in entries:
            self._entries[entry.id] = entry
            self._counts[entry.kind] += 1
            rule = _Rule(
                entry,
                parse_pattern(entry.pattern),
                parse_pattern(entry.callee) if entry.callee else None,
                _NEVER_US if entry.expires_at_us is None else entry.expires_at_us,
                _RANKS[entry.kind],
            )
            for table in self._tables(entry, touched):
                table.add(rule)
        for (of, tenant), table in touched.items():
            table.seal()
            if of == "tenant" and table.is_empty:
                del self._tenants[tenant]

    def _tables(self, entry: ListEntry, touched: dict[_Place, _Table]) -> list[_Table]:
        """The tables of an entry, each copied the first time that it is touched."""
        if entry.kind is ListKind.DECOY:
            places: list[_Place] = [("decoys", "")]
        else:
            places = [("tenant", entry.tenant)]
            if entry.tenant and entry.kind in (ListKind.ALLOW, ListKind.CONSENT):
                places.append(("tenants_pass", ""))
        for place in places:
            if place not in touched:
                touched[place] = self._copied(place)
        return [touched[place] for place in places]

    def _copied(self, place: _Place) -> _Table:
        of, tenant = place
        if of == "decoys":
            self._decoys = self._decoys.copy()
            return self._decoys
        if of == "tenants_pass":
            self._tenants_pass = self._tenants_pass.copy()
            return self._tenants_pass
        table = self._tenants[tenant] = self._tenants.get(tenant, _Table()).copy()
        return table


class _Table:
    """The rules of one tenant. ``seal`` after the last ``add`` or ``remove`` makes it ready to be asked."""

    def __init__(self) -> None:
        self._exact: dict[str, tuple[_Rule, ...]] = {}
        self._prefixes: dict[str, tuple[_Rule, ...]] = {}
        self._spans: dict[tuple[str, str], tuple[_Rule, ...]] = {}
        self._lengths: tuple[int, ...] = ()
        self._ranges: dict[int, _Ranges] = {}
        self._stale = False

    @property
    def is_empty(self) -> bool:
        return not (self._exact or self._prefixes or self._spans)

    def copy(self) -> _Table:
        table = _Table()
        table._exact, table._prefixes, table._spans = (
            dict(self._exact),
            dict(self._prefixes),
            dict(self._spans),
        )
        table._lengths, table._ranges = self._lengths, self._ranges
        return table

    def add(self, rule: _Rule) -> None:
        self._put(rule.pattern, lambda rules: (*rules, rule))

    def remove(self, entry: ListEntry) -> None:
        self._put(
            parse_pattern(entry.pattern),
            lambda rules: tuple(rule for rule in rules if rule.entry.id != entry.id),
        )

    def seal(self) -> None:
        if not self._stale:
            return
        self._stale = False
        self._lengths = tuple(sorted({len(prefix) for prefix in self._prefixes}))
        by_length: dict[int, list[tuple[str, str]]] = {}
        for span in self._spans:
            by_length.setdefault(len(span[0]), []).append(span)
        self._ranges = {length: _Ranges(spans) for length, spans in by_length.items()}

    def find(self, identity: str) -> tuple[_Rule, ...]:
        found = self._exact.get(identity, ())
        for length in self._lengths:
            if length > len(identity):
                break
            found += self._prefixes.get(identity[:length], ())
        ranges = self._ranges.get(len(identity))
        if ranges is not None:
            for span in ranges.around(identity):
                found += self._spans[span]
        return found

    def _put(self, pattern: Pattern, change: Callable[[tuple[_Rule, ...]], tuple[_Rule, ...]]) -> None:
        if pattern.prefix is not None:
            self._stale |= _replace(self._prefixes, pattern.prefix, change)
        elif pattern.first == pattern.last:
            _replace(self._exact, pattern.first, change)
        else:
            self._stale |= _replace(self._spans, (pattern.first, pattern.last), change)


class _Ranges:
    """Ranges of numbers of one length, as a balanced tree in arrays.

    Those around a number are found in O(log n + found), also where one range holds all others.
    """

    def __init__(self, spans: Iterable[tuple[str, str]]) -> None:
        self._spans = sorted(spans)
        self._latest = [""] * len(self._spans)
        self._fill(0, len(self._spans))

    def _fill(self, low: int, high: int) -> str:
        """The largest end below the node in the middle of low and high, noted there."""
        if low >= high:
            return ""
        middle = (low + high) // 2
        latest = max(self._fill(low, middle), self._spans[middle][1], self._fill(middle + 1, high))
        self._latest[middle] = latest
        return latest

    def around(self, number: str) -> list[tuple[str, str]]:
        found = []
        waiting = [(0, len(self._spans))]
        while waiting:
            low, high = waiting.pop()
            if low >= high:
                continue
            middle = (low + high) // 2
            if self._latest[middle] < number:
                continue
            waiting.append((low, middle))
            first, last = self._spans[middle]
            if first <= number:
                if number <= last:
                    found.append((first, last))
                waiting.append((middle + 1, high))
        return found


def _replace(
    rules: dict[_Key, tuple[_Rule, ...]],
    key: _Key,
    change: Callable[[tuple[_Rule, ...]], tuple[_Rule, ...]],
) -> bool:
    """Whether ``key`` came or went."""
    old = rules.get(key, ())
    new = change(old)
    if new:
        rules[key] = new
    elif old:
        del rules[key]
    return bool(old) != bool(new)
