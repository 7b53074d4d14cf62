"""The worlds by name. Every seed of a world is another operator."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd

from spit.errors import ConfigError
from spit.worlds import agenda, border, carrier, drawn, lives

#: Of seed, calls and hours. What the rows hold: ``records``. Training numbers its rows by the order of these:
#: a new world goes to the end.
WORLDS: Mapping[str, Callable[[int, int, float], pd.DataFrame]] = {
    "carrier": carrier.generate,
    "lives": lives.generate,
    "drawn": drawn.generate,
    "border": border.generate,
    "agenda": agenda.generate,
}

CALLS = 60_000
HOURS = 30.0


def generate(world: str, seed: int, calls: int = CALLS, hours: float = HOURS) -> pd.DataFrame:
    """About so many calls of one operator of the world: a row each, in order of ``start_us``.

    The same arguments give the same rows. Raises ConfigError where there is no such world.
    """
    if world not in WORLDS:
        raise ConfigError(f"world: expected one of {', '.join(WORLDS)}, found {world!r}")
    return WORLDS[world](seed, calls, hours)
