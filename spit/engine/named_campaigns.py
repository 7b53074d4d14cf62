"""Whether rotating campaigns were named as one: what the engine calls a campaign against what is true."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from spit.engine.engine import Engine

if TYPE_CHECKING:
    import pandas as pd

#: A campaign rotates when it calls from at least so many numbers.
ROTATING_NUMBERS = 5
#: One found campaign must hold this share of the numbers, and consist of them to this share.
LEAST_SHARE = 0.5
LEAST_PURITY = 0.8


def campaigns_named_as_one(engine: Engine, calls: pd.DataFrame) -> tuple[int, int]:
    """Rotating campaigns in ``calls``, and how many ``engine`` names as one; -1 where it names none."""
    truth = {
        str(name): frozenset(numbers)
        for name, numbers in calls[calls["spam"]].groupby("campaign")["number"]
        if numbers.nunique() >= ROTATING_NUMBERS
    }
    found = found_campaigns(engine)
    return len(truth), -1 if found is None else count_named(truth, found)


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
