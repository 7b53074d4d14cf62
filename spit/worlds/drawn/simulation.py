"""One operator's traffic from a seed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from spit.worlds.drawn.clock import Clock
from spit.worlds.drawn.draws import Rng, span
from spit.worlds.drawn.exchange import Exchange
from spit.worlds.drawn.lines import Directory
from spit.worlds.drawn.mix import honest_attempts, spam_attempts
from spit.worlds.drawn.network import Network
from spit.worlds.drawn.plan import Plan
from spit.worlds.drawn.scene import World

_FLOATS = ("ring_time_s", "pdd_s", "setup_time_s", "duration_s")


def _keep(rng: Rng, spam: pd.Series[bool], calls: int, share: float) -> pd.Series[bool]:
    """Calls to keep so that neither side exceeds its part: records get lost at random in practice, too."""
    keep = pd.Series(True, index=spam.index)
    for side, limit in ((True, round(calls * share)), (False, round(calls * (1.0 - share)))):
        rows = np.flatnonzero(spam.to_numpy() == side)
        if len(rows) > limit:
            keep.iloc[rng.choice(rows, size=len(rows) - limit, replace=False)] = False
    return keep


def generate(seed: int, calls: int = 60_000, hours: float = 30.0) -> pd.DataFrame:
    """About ``calls`` calls over ``hours`` hours at the operator of a seed, one row a call, ordered by
    start."""
    rng = np.random.default_rng(seed)
    plan = Plan(rng, int(calls * span(rng, (0.06, 0.25))))
    clock = Clock(
        rng,
        hours,
        float(plan.country.offsets_h[int(rng.integers(len(plan.country.offsets_h)))]),
        plan.country.summer_time,
    )
    network = Network(rng, plan.signing)
    world = World(rng, clock, plan, network, Directory(rng, plan, network))
    share = span(rng, (0.16, 0.24))
    # Honest callers come first: impostors borrow the numbers of firms.
    attempts = honest_attempts(world, int(calls * (1.0 - share)))
    attempts += spam_attempts(world, int(calls * share))
    exchange = Exchange(rng, clock, network, world.directory)
    exchange.run(attempts)
    frame = pd.DataFrame(exchange.rows)
    frame = frame[_keep(rng, frame["spam"], calls, share)]
    frame[list(_FLOATS)] = frame[list(_FLOATS)].astype(float).round(3)
    return frame.sort_values("start_us", kind="stable").reset_index(drop=True)
