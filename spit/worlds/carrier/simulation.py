"""One world from one seed."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from spit.worlds.carrier.clock import Clock
from spit.worlds.carrier.draws import Rng, uniform
from spit.worlds.carrier.equipment import Catalogue
from spit.worlds.carrier.exchange import Exchange
from spit.worlds.carrier.mix import plan_campaigns, plan_legitimate, spam_share
from spit.worlds.carrier.network import Network
from spit.worlds.carrier.numbering import NumberPlan
from spit.worlds.carrier.records import Record, to_frame
from spit.worlds.carrier.society import Society

# Of the target. Redials and returned calls come on top of what is planned: plan less than the target by about
# as much.
_PLANNED_LEGITIMATE = 0.95
_PLANNED_SPAM = 1.03


def _trim(rng: Rng, records: list[Record], spam: bool, target: int) -> list[Record]:
    """Bring one side of the truth down to its target.

    Whole legitimate callers go, as if the operator had fewer customers; campaigns are thinned call by call,
    as if part of their calls took a route this operator does not see.
    """
    excess = len(records) - target
    if excess <= 0:
        return records
    if spam:
        keep = np.sort(rng.permutation(len(records))[:target])
        return [records[int(place)] for place in keep]
    volume = Counter((record.kind, record.caller) for record in records)
    callers = list(volume)
    dropped: set[tuple[str, str]] = set()
    for place in rng.permutation(len(callers)):
        caller = callers[int(place)]
        if volume[caller] <= excess:
            dropped.add(caller)
            excess -= volume[caller]
    return [record for record in records if (record.kind, record.caller) not in dropped]


def generate(seed: int, calls: int = 60_000, hours: float = 30.0) -> pd.DataFrame:
    """Simulate the operator of a seed: about ``calls`` calls in ``hours`` hours, one row a call, sorted by
    start_us."""
    rng = np.random.default_rng(seed)
    subscribers = max(400, int(calls * uniform(rng, 0.1, 0.32)))
    plan = NumberPlan(rng, subscribers)
    clock = Clock(rng, hours, plan.utc_offset_h)
    catalogue = Catalogue(rng)
    network = Network(rng, catalogue)
    society = Society(rng, clock, plan, network, catalogue, subscribers)
    spam = round(calls * spam_share(rng))
    exchange = Exchange(rng, clock, network, society.directory, society.origins)
    attempts = [
        *plan_legitimate(society, round((calls - spam) * _PLANNED_LEGITIMATE)),
        *plan_campaigns(society, round(spam * _PLANNED_SPAM)),
    ]
    records = exchange.run(attempts)
    legitimate = _trim(rng, [r for r in records if not r.spam], False, calls - spam)
    campaigns = _trim(rng, [r for r in records if r.spam], True, spam)
    return to_frame(legitimate + campaigns)
