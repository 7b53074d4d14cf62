"""Rules for telephone numbers of a region, from the metadata of phonenumbers (libphonenumber).

Asked once, at configuration time: on the way of calls the Rust core applies the rules (``sip/numbers.rs``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from spit.config import Config
from spit.errors import ConfigError

#: Prefixes that choose a carrier by many digits (China: 2,100 of them) are left out.
MAX_PREFIXES = 256


@dataclass(frozen=True, slots=True)
class RegionRules:
    """How numbers are dialled in a region. Empty: there is no such thing, or it is not known."""

    country_code: str
    national_prefix: str
    international_prefixes: tuple[str, ...]
    national_lengths: tuple[int, ...]


def with_region(config: Config, origin: str) -> Config:
    """``config`` with the rules of ``identity.default_region`` filled in where the keys for them are empty.

    ``origin``: where the configuration came from, for the error.
    Raises ConfigError when there is no such region.
    """
    identity = config.identity
    if not identity.default_region:
        return config
    rules = region_rules(identity.default_region)
    if rules is None:
        raise ConfigError(
            f"{origin}: identity.default_region: expected a region of ISO 3166-1 with telephone numbers "
            f'such as "DE", found "{identity.default_region}"'
        )
    own_plan = identity.country_code in ("", rules.country_code)
    return replace(
        config,
        identity=replace(
            identity,
            default_region="",
            country_code=identity.country_code or rules.country_code,
            national_prefix=identity.national_prefix or (rules.national_prefix if own_plan else ""),
            # Lengths belong to the numbering plan; another country code has another one.
            national_lengths=identity.national_lengths or (rules.national_lengths if own_plan else ()),
            international_prefixes=identity.international_prefixes or rules.international_prefixes,
        ),
    )


def region_rules(region: str) -> RegionRules | None:
    """The rules of a region such as ``DE``; None where there is no such region."""
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None:
        return None
    lengths = metadata.general_desc.possible_length if metadata.general_desc is not None else ()
    return RegionRules(
        country_code=str(metadata.country_code),
        national_prefix=metadata.national_prefix or "",
        international_prefixes=_prefixes(metadata.international_prefix or ""),
        national_lengths=tuple(length for length in lengths if 1 <= length <= 20),
    )


def _prefixes(pattern: str) -> tuple[str, ...]:
    """What the pattern matches, shortest first, without alternatives that would not fit."""
    found: set[str] = set()
    for alternative in _Pattern(pattern).alternatives():
        if len(found) + len(alternative) <= MAX_PREFIXES:
            found |= alternative
    found.discard("")
    return tuple(sorted(found, key=lambda prefix: (len(prefix), prefix)))


class _Pattern:
    """Every text that a regular expression of digits, ``\\d``, ``[1-46]``, ``(?:a|b)`` and ``?`` matches."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def alternatives(self) -> list[set[str]]:
        """The texts of each alternative. Raises ValueError for other syntax."""
        alternatives = [self._sequence()]
        while self._take("|"):
            alternatives.append(self._sequence())
        if self._at != len(self._pattern) and self._pattern[self._at] != ")":
            raise ValueError(f"expected an alternative of digits at {self._at}, found {self._pattern!r}")
        return alternatives

    def _sequence(self) -> set[str]:
        texts = {""}
        while (piece := self._piece()) is not None:
            if self._take("?"):
                piece = piece | {""}
            texts = {text + more for text in texts for more in piece}
        return texts

    def _piece(self) -> set[str] | None:
        if self._take("(?:") or self._take("("):
            texts = set().union(*self.alternatives())
            if not self._take(")"):
                raise ValueError(f"expected a closing bracket at {self._at}, found {self._pattern!r}")
            return texts
        if self._take("\\d"):
            return set("0123456789")
        if self._take("["):
            end = self._pattern.index("]", self._at)
            members = self._pattern[self._at : end]
            self._at = end + 1
            return _members(members)
        if self._pattern[self._at : self._at + 1].isdecimal():
            self._at += 1
            return {self._pattern[self._at - 1]}
        return None

    def _take(self, expected: str) -> bool:
        if not self._pattern.startswith(expected, self._at):
            return False
        self._at += len(expected)
        return True


def _members(members: str) -> set[str]:
    """``1-46`` is 1, 2, 3, 4 and 6."""
    texts: set[str] = set()
    at = 0
    while at < len(members):
        last = members[at + 2] if members[at + 1 : at + 2] == "-" else members[at]
        texts |= {str(digit) for digit in range(int(members[at]), int(last) + 1)}
        at += 3 if members[at + 1 : at + 2] == "-" else 1
    return texts
