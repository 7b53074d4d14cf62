"""Whether rotating campaigns were named as one: what the engine calls a campaign against what is true."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spit.engine.engine import Engine

if TYPE_CHECKING:
    import pandas as pd

#: A campaign rotates when it calls from at least so many numbers.
ROTATING_NUMBERS = 5
#: One found campaign must hold this share of the numbers, and consist of them to this share.
LEAST_SHARE = 0.5
LEAST_PURITY = 0.8


@dataclass(frozen=True, slots=True)
class NamedCampaigns:
    """Rotating campaigns of some traffic, and how many were named as one; -1 where none are named at all.

    ``false_members``: legitimate callers within a named campaign of ROTATING_NUMBERS and more.
    """

    campaigns: int
    as_one: int
    false_members: int


def campaigns_named_as_one(engine: Engine, calls: pd.DataFrame) -> NamedCampaigns:
    """What ``engine`` named after ``calls``, against what is true of them."""
    truth = {
        str(name): frozenset(numbers)
        for name, numbers in calls[calls["spam"]].groupby("campaign")["number"]
        if numbers.nunique() >= ROTATING_NUMBERS
    }
    found = found_campaigns(engine)
    if found is None:
        return NamedCampaigns(len(truth), -1, 0)
    spam = frozenset(calls["number"][calls["spam"]].dropna())
    return NamedCampaigns(len(truth), count_named(truth, found), count_false_members(spam, found))


def count_false_members(spam: Collection[str], found: Iterable[Collection[str]]) -> int:
    """Callers that never were spam, within found campaigns of ROTATING_NUMBERS and more."""
    large = (numbers for numbers in found if len(numbers) >= ROTATING_NUMBERS)
    return len(frozenset().union(*large) - frozenset(spam))


def count_named(truth: Mapping[str, Collection[str]], found: Collection[Collection[str]]) -> int:
    """How many of the true campaigns some found one stands for."""
    sets = [frozenset(numbers) for numbers in found]
    return sum(
        any(
            len(numbers := frozenset(members) & candidate) >= LEAST_SHARE * len(members)
            and len(numbers) >= LEAST_PURITY * len(candidate)
            for candidate in sets
        )
        for members in truth.values()
    )


def found_campaigns(engine: Engine) -> list[list[str]] | None:
    """The callers of each campaign that the engine names; None where it names none at all."""
    campaigns = getattr(engine, "campaigns", None)
    if campaigns is None:
        return None
    return [[member.caller for member in campaign.members] for campaign in campaigns()]
