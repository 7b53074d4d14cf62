"""Campaigns that dial many people from few numbers.

===============  ===========================================================================================
telemarketer     one number, ASR 10 to 30 %, dialler durations, 15 to 300 calls an hour
sequential       blocks of numbers dialled in order, many of them not found, short calls
random dialling  numbers at random in blocks in use, most of them unallocated when blatant
scam centre      people who talk: conversations beside many short refusals, office hours, 1 to 6 numbers
silent calls     answered calls dropped within seconds: nobody is there, or nobody is free
===============  ===========================================================================================

The hourly rates, shares of not-found and hang-ups by the callee are ours: no source publishes them.
"""

from __future__ import annotations

import numpy as np

from spit.simulate.campaign import Campaign
from spit.simulate.columns import CallColumns
from spit.simulate.network import BLOCK_SIZE, I64
from spit.simulate.timing import OFFICE_HOURS

#: Draws of a number until one is found that nobody has; blocks may be nearly full.
UNALLOCATED_TRIES = 8


def telemarketer(c: Campaign) -> CallColumns:
    """One number that calls strangers."""
    rng, strength = c.rng, c.strength
    number = c.numbers(1, device=c.device())
    rate = c.between(15.0, 300.0) * float(rng.uniform(0.8, 1.25))
    hours = c.hours()
    c.shrink(rate, hours)
    start_s = c.times(c.calls, rate, hours)
    behaviour = c.dialler(
        c.answer_ratio(1.0),
        c.failures(float(rng.uniform(0.03, 0.08)) + 0.12 * strength),
        give_up_s=(10.0 - 2.0 * strength, 28.0 - 8.0 * strength),
        callee_hangup_ratio=float(rng.uniform(0.60, 0.70)) + 0.15 * strength,
        voicemail_ratio=0.12,
    )
    callee = c.targets(c.calls)
    return c.scene.place(rng, behaviour, c.group, start_s, np.repeat(number, c.calls), callee)


def sequential(c: Campaign) -> CallColumns:
    """Numbers dialled in order."""
    rng, strength, scene = c.rng, c.strength, c.scene
    number = c.numbers(1, device=c.device())
    rate = c.between(30.0, 600.0) * float(rng.uniform(0.8, 1.25))
    hours = c.hours()
    c.shrink(rate, hours)
    start_s = c.times(c.calls, rate, hours)
    target = _dialled_in_order(c)
    in_use = np.isin(target, scene.book.numbers()[scene.subscribers])
    missing_ratio = float(np.clip(0.12 + 0.40 * strength + rng.uniform(-0.05, 0.05), 0.05, 0.6))
    not_found = ~in_use & (rng.random(c.calls) < missing_ratio / max(1e-9, float(np.mean(~in_use))))
    behaviour = c.dialler(
        # Of all calls; the numbers that do not exist cannot answer.
        min(0.95, c.answer_ratio(0.9) / (1.0 - min(0.9, float(np.mean(not_found))))),
        c.failures(0.01),
        duration_log=(scene.world.dialler_mu - 0.8 * strength, 0.9),
        give_up_s=(8.0 - 3.0 * strength, 24.0 - 10.0 * strength),
        callee_hangup_ratio=0.65,
        voicemail_ratio=0.1,
    )
    return scene.place(
        rng,
        behaviour,
        c.group,
        start_s,
        np.repeat(number, c.calls),
        scene.book.add(target),
        not_found=not_found,
    )


def _dialled_in_order(c: Campaign) -> I64:
    """Numbers in the order dialled: steps of one when blatant; gaps and shuffled stretches when stealthy."""
    rng, strength, calls = c.rng, c.strength, c.calls
    largest_step = 1 + round(3 * (1.0 - strength))
    runs: list[I64] = []
    left = calls
    while left > 0:
        block = int(rng.choice(c.scene.book.blocks))
        length = min(left, int(rng.integers(60, 400)))
        offset = int(rng.integers(BLOCK_SIZE)) + np.cumsum(rng.integers(1, largest_step + 1, size=length))
        runs.append((block + offset % BLOCK_SIZE).astype(np.int64))
        left -= length
    dialled = np.concatenate(runs)
    # A predictive dialler with several lines does not keep the order exactly.
    jitter = np.arange(calls) + rng.uniform(0.0, 0.01 + 8.0 * (1.0 - strength) ** 2, calls)
    return dialled[np.argsort(jitter, kind="stable")]


def random_dialling(c: Campaign) -> CallColumns:
    """Numbers at random, allocated or not."""
    rng, scene = c.rng, c.scene
    callers = c.numbers(int(rng.integers(1, 4)), device=c.device(), trunks=c.trunks(2))
    rate, hours = c.between(20.0, 900.0), c.hours()
    c.shrink(rate, hours)
    start_s = c.times(c.calls, rate, hours)
    missing = rng.random(c.calls) < c.ratio(0.15, 0.75)
    in_use = scene.book.numbers()
    nowhere = np.zeros(c.calls, dtype=np.int64)
    for _ in range(UNALLOCATED_TRIES):
        taken = np.flatnonzero((nowhere == 0) | np.isin(nowhere, in_use))
        nowhere[taken] = rng.choice(scene.book.blocks, len(taken)) + rng.integers(BLOCK_SIZE, size=len(taken))
    missing &= ~np.isin(nowhere, in_use)
    callee = c.targets(c.calls)
    callee[missing] = scene.book.add(nowhere[missing])
    behaviour = c.dialler(c.answer_ratio(1.0), c.failures(0.05), callee_hangup_ratio=c.ratio(0.6, 0.8))
    caller = rng.choice(callers, c.calls)
    return scene.place(rng, behaviour, c.group, start_s, caller, callee, not_found=missing)


def scam_centre(c: Campaign) -> CallColumns:
    """Agents who talk people into something: refused at once, or listened to for long."""
    rng, world = c.rng, c.scene.world
    callers = c.numbers(int(rng.integers(1, 7)), device=c.device(), trunks=c.trunks(3))
    rate, hours = c.between(8.0, 150.0) * len(callers) ** 0.5, c.hours(OFFICE_HOURS)
    c.shrink(rate, hours)
    start_s = c.times(c.calls, rate, hours)
    behaviour = c.dialler(
        c.ratio(0.45, 0.2),
        c.failures(float(rng.uniform(0.03, 0.08))),
        duration_log=(world.conversation_mu + float(rng.uniform(-0.5, 0.5)), world.conversation_sigma),
        mixed_ratio=c.ratio(0.3, 0.7),
        mixed_log=(float(rng.uniform(1.5, 2.6)), 0.7),
        give_up_s=(12.0, 30.0),
        callee_hangup_ratio=c.ratio(0.5, 0.8),
        voicemail_ratio=world.voicemail_ratio * 0.5,
    )
    return c.scene.place(rng, behaviour, c.group, start_s, rng.choice(callers, c.calls), c.targets(c.calls))


def silent_calls(c: Campaign) -> CallColumns:
    """Nobody speaks: calls that test whether a number is in use, or more calls than agents."""
    rng = c.rng
    callers = c.numbers(int(rng.integers(1, 5)), device=c.device(), trunks=c.trunks(2))
    rate, hours = c.between(12.0, 400.0), c.hours()
    c.shrink(rate, hours)
    start_s = c.times(c.calls, rate, hours)
    silence_s = float(rng.uniform(1.0, 8.0))
    behaviour = c.dialler(
        c.ratio(0.55, 0.3),
        c.failures(float(rng.uniform(0.02, 0.15))),
        duration_log=(float(np.log(silence_s)), float(rng.uniform(0.2, 0.6))),
        mixed_ratio=c.ratio(0.5, 0.05),
        mixed_log=(c.scene.world.dialler_mu, c.scene.world.dialler_sigma),
        give_up_s=(c.between(14.0, 7.0), 30.0),
        callee_hangup_ratio=c.ratio(0.4, 0.2),
        voicemail_ratio=0.05,
    )
    return c.scene.place(rng, behaviour, c.group, start_s, rng.choice(callers, c.calls), c.targets(c.calls))
