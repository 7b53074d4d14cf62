"""Campaigns from an account that was honest before.

===========  ===============================================================================================
compromised  a subscriber or PBX calls its contacts for hours, then dials strangers as a dialler does
toll fraud   the same, then calls few numbers abroad at length, many at once, at hours when nobody is in
===========  ===============================================================================================
"""

from __future__ import annotations

import numpy as np

from spit.simulate.campaign import Campaign
from spit.simulate.columns import CallColumns
from spit.simulate.network import BLOCK_SIZE, F64, I64
from spit.simulate.timing import OFFICE_HOURS, RESIDENTIAL_HOURS, poisson_arrivals


def compromised(c: Campaign) -> CallColumns:
    """Clean calls first, then a dialler's from the same numbers."""
    rng = c.rng
    callers, taken_s = _accounts(c, c.between(25.0, 150.0))
    caller = rng.choice(callers, c.calls)
    behaviour = c.dialler(
        c.answer_ratio(0.9),
        c.failures(float(rng.uniform(0.03, 0.08)) + 0.1 * c.strength),
        give_up_s=(c.between(14.0, 9.0), 30.0),
        callee_hangup_ratio=c.ratio(0.6, 0.85),
    )
    start_s = _after(c, taken_s, c.between(15.0, 300.0) * len(callers))
    return c.scene.place(rng, behaviour, c.group, start_s, caller, c.targets(c.calls))


def toll_fraud(c: Campaign) -> CallColumns:
    """Long calls to numbers that share their revenue."""
    rng, scene = c.rng, c.scene
    callers, taken_s = _accounts(c, c.between(30.0, 200.0))
    any_premium = scene.book.add_random(1, outside_ratio=1.0)
    first = int(scene.book.numbers()[any_premium[0]]) // BLOCK_SIZE * BLOCK_SIZE
    premium = scene.book.add(first + rng.choice(BLOCK_SIZE, int(rng.integers(3, 40)), replace=False))
    premium = premium[~np.isin(premium, callers)]
    behaviour = c.dialler(
        c.ratio(0.6, 0.9),
        c.failures(0.05),
        duration_log=(float(rng.uniform(4.5, 6.5)), float(rng.uniform(0.3, 0.9))),
        mixed_ratio=0.0,
        answer_ring_s=(2.0, 0.5),
        callee_hangup_ratio=0.2,
        voicemail_ratio=0.0,
    )
    start_s = _after(c, taken_s, c.between(15.0, 240.0) * len(callers))
    caller = rng.choice(callers, c.calls)
    return scene.place(rng, behaviour, c.group, start_s, caller, rng.choice(premium, c.calls))


def _accounts(c: Campaign, calls_per_account: float) -> tuple[I64, float]:
    """Accounts with an honest past, and the epoch second from which they are not their owners' alone."""
    rng, scene = c.rng, c.scene
    count = max(1, round(c.calls / calls_per_account))
    is_pbx = bool(rng.random() < 0.4)
    # The numbers are as signed as their owners' were: honest.
    callers = scene.book.add_random(count, trunks=c.trunks(2), outside_ratio=c.outside_ratio)
    hours = OFFICE_HOURS if is_pbx else RESIDENTIAL_HOURS
    clock = scene.clock(hours)
    taken_s = scene.start_s + float(rng.uniform(0.3, 0.7)) * scene.spec.duration_s
    group = scene.add_group(c.name, kind="compromised_before")
    per_day = float(rng.uniform(60.0, 200.0) if is_pbx else rng.uniform(6.0, 20.0))
    start_s: F64 = poisson_arrivals(rng, clock, per_day * count)
    caller = rng.choice(callers, len(start_s))
    known = rng.choice(scene.subscribers, (count, 60 if is_pbx else 8))
    at = np.searchsorted(np.sort(callers), caller)
    callee = known[at, rng.integers(known.shape[1], size=len(start_s))]
    kept = start_s < taken_s
    behaviour = scene.behaviour(scene.world.sample(rng, "answer"))
    scene.place(rng, behaviour, group, start_s[kept], caller[kept], callee[kept])
    return callers, taken_s


def _after(c: Campaign, taken_s: float, calls_per_hour: float) -> F64:
    """Epoch seconds of the campaign's calls, all after the account was taken."""
    left_s = c.scene.end_s - taken_s - 1.0
    span_s = min(left_s * 0.98, c.calls / calls_per_hour * 3600.0)
    begin_s = taken_s + float(c.rng.uniform(0.0, max(1.0, min(left_s - span_s, 3600.0))))
    start_s: F64 = begin_s + np.sort(c.rng.random(c.calls)) * span_s
    return start_s
