"""Campaigns that spread their calls over many numbers, so that no number says much.

====================  ======================================================================================
robocaller            13 calls per number at the median, 95 % under 27, down to 1 where the world varies; one
                      or two fingerprints and one to three trunks carry all numbers
wangiri               rings 1 to 5 s, then CANCEL; 2 to 20 calls per number when stealthy; about 5 % call back
neighbour spoofing    the caller shares the callee's exchange, one call per number
snowshoe              2 to 20 calls per number over many trunks and much equipment
low and slow          each number a few calls an hour or a day, for as long as the capture is
attestation shopping  one campaign through several trunks, each of which signs it as A, as B, as C, or not
====================  ======================================================================================
"""

from __future__ import annotations

import numpy as np

from spit.simulate.campaign import Campaign
from spit.simulate.columns import CallColumns
from spit.simulate.network import I64
from spit.simulate.timing import FLAT_HOURS, RESIDENTIAL_HOURS

CALLS_PER_NUMBER_MEDIAN = 13.0
#: 95 % of campaigns seen by honeypots stay under 27 calls: ln(27 / 13) / 1.645.
CALLS_PER_NUMBER_SIGMA = 0.444


def robocaller(c: Campaign) -> CallColumns:
    """Numbers rotate, the equipment stays."""
    rng, strength = c.rng, c.strength
    # Numbers are left sooner by some: the median goes down to one call.
    median = CALLS_PER_NUMBER_MEDIAN if not c.varied else max(1.0, float(c.sweep.uniform(1.0, 26.0)))
    sizes = c.sizes(c.calls, median, CALLS_PER_NUMBER_SIGMA, 1 if c.varied else 2, 200)
    devices = [c.device() for _ in range(int(rng.integers(1, 3)))]
    trunks = c.trunks(3)
    lanes = min(len(sizes), max(1, round(c.between(12.0, 2.0))))
    caller = c.rotating(sizes, c.calls, lanes, devices, trunks)
    rate = c.between(40.0, 900.0) * float(rng.uniform(0.8, 1.25))
    start_s = c.times(c.calls, rate, c.hours())
    behaviour = c.dialler(
        c.answer_ratio(0.9),
        c.failures(float(rng.uniform(0.03, 0.08)) + 0.12 * strength),
        give_up_s=(14.0 - 4.0 * strength, 30.0 - 8.0 * strength),
        callee_hangup_ratio=float(rng.uniform(0.65, 0.75)) + 0.15 * strength,
        voicemail_ratio=0.15,
    )
    return c.scene.place(rng, behaviour, c.group, start_s, caller, c.targets(c.calls))


def wangiri(c: Campaign) -> CallColumns:
    """One ring; the callee is to call back."""
    rng, strength = c.rng, c.strength
    median = c.between(8.0, 120.0)
    sizes = c.sizes(c.calls, median, 0.5, 2, 20 if strength < 0.3 else 1000)
    lanes = min(len(sizes), max(1, round(c.between(6.0, 1.0))))
    devices, trunks = [c.device()], c.trunks(2)
    caller = c.rotating(sizes, c.calls, lanes, devices, trunks)
    rate = c.between(40.0, 1200.0) * float(rng.uniform(0.8, 1.25))
    start_s = c.times(c.calls, rate, c.hours(FLAT_HOURS))
    # Some pick up within the ring; the caller then hangs up at once.
    behaviour = c.dialler(
        float(rng.uniform(0.01, 0.04)) + 0.02 * (1.0 - strength),
        {487: 0.90 - 0.1 * (1.0 - strength), 404: 0.04, 486: 0.04, 480: 0.02},
        duration_log=(0.5, 0.5),
        answer_ring_s=(2.0, 0.3),
        give_up_s=(1.0, 3.0 + 2.0 * (1.0 - strength)),
        second_thought_ratio=0.0,
        callee_hangup_ratio=0.2,
        voicemail_ratio=0.0,
        mixed_ratio=0.0,
    )
    return c.scene.place(rng, behaviour, c.group, start_s, caller, c.targets(c.calls))


def neighbour_spoofing(c: Campaign) -> CallColumns:
    """Every call shows a number of the callee's own exchange."""
    rng, scene = c.rng, c.scene
    start_s = c.times(c.calls, c.between(25.0, 900.0), c.hours())
    callee = c.targets(c.calls)
    # Some numbers are used again for a callee in the same exchange; most are used once.
    numbers = scene.book.numbers()[callee]
    caller = np.empty(c.calls, dtype=np.int64)
    trunks = c.trunks(3)
    devices = [c.device() for _ in range(int(rng.integers(1, 3)))]
    for device, rows in zip(devices, np.array_split(rng.permutation(c.calls), len(devices)), strict=True):
        caller[rows] = scene.book.add_near(numbers[rows], spam=True, **c.marks(device, trunks))
    behaviour = c.dialler(
        min(0.6, c.answer_ratio(0.8) * float(rng.uniform(1.0, 1.5))),
        c.failures(float(rng.uniform(0.02, 0.08)) + 0.08 * c.strength),
        give_up_s=(c.between(15.0, 9.0), 30.0),
        callee_hangup_ratio=c.ratio(0.6, 0.8),
        voicemail_ratio=0.15,
    )
    return scene.place(rng, behaviour, c.group, start_s, caller, callee)


def snowshoe(c: Campaign) -> CallColumns:
    """Many numbers, trunks and makes of equipment, a little weight on each."""
    rng, scene = c.rng, c.scene
    sizes = c.sizes(c.calls, float(np.clip(c.between(3.0, 10.0), 2.0, 20.0)), 0.5, 2, 20)
    trunks = np.arange(len(scene.network.trunks))
    if len(trunks) > 4:
        trunks = rng.choice(trunks, int(rng.integers(4, len(trunks) + 1)), replace=False)
    devices = [c.device() for _ in range(min(len(sizes), int(rng.integers(1, 9))))]
    lanes = min(len(sizes), max(2, round(c.between(60.0, 6.0))))
    caller = c.rotating(sizes, c.calls, lanes, devices, trunks)
    start_s = c.times(c.calls, c.between(30.0, 900.0), c.hours())
    behaviour = c.dialler(
        c.answer_ratio(0.8),
        c.failures(float(rng.uniform(0.03, 0.08)) + 0.08 * c.strength),
        give_up_s=(c.between(15.0, 9.0), 30.0),
        callee_hangup_ratio=c.ratio(0.55, 0.8),
    )
    return scene.place(rng, behaviour, c.group, start_s, caller, c.targets(c.calls))


def low_and_slow(c: Campaign) -> CallColumns:
    """Every number stays below what a rate limit sees, for as long as it can."""
    rng, scene = c.rng, c.scene
    clock = scene.clock(c.hours(RESIDENTIAL_HOURS))
    per_number = max(2.0, c.between(6.0, 60.0) * min(1.0, clock.days + 0.2))
    count = max(1, round(c.calls / per_number))
    numbers = c.numbers(count, device=c.device() if rng.random() < 0.7 else None, trunks=c.trunks(4))
    start_s = clock.to_seconds(np.sort(rng.random(c.calls)) * clock.days)
    behaviour = c.dialler(
        c.answer_ratio(0.8),
        c.failures(float(rng.uniform(0.03, 0.08))),
        give_up_s=(c.between(16.0, 10.0), 32.0),
        callee_hangup_ratio=c.ratio(0.55, 0.75),
    )
    return scene.place(rng, behaviour, c.group, start_s, rng.choice(numbers, c.calls), c.targets(c.calls))


def attestation_shopping(c: Campaign) -> CallColumns:
    """The same calls through several trunks that sign them differently."""
    rng, scene = c.rng, c.scene
    sizes = c.sizes(c.calls, float(np.clip(c.between(4.0, 30.0), 1.0, 200.0)), 0.5, 1, 200)
    count = min(len(scene.network.trunks), int(rng.integers(2, 7)))
    trunks = rng.choice(len(scene.network.trunks), count, replace=False)
    signs: I64 = rng.integers(4, size=count)
    lanes = min(len(sizes), max(1, round(c.between(20.0, 3.0))))
    caller = c.rotating(sizes, c.calls, lanes, [c.device()], trunks)
    chosen = rng.integers(count, size=c.calls)
    start_s = c.times(c.calls, c.between(30.0, 700.0), c.hours())
    behaviour = c.dialler(
        c.answer_ratio(0.9),
        c.failures(float(rng.uniform(0.03, 0.08)) + 0.08 * c.strength),
        give_up_s=(c.between(15.0, 9.0), 30.0),
        callee_hangup_ratio=c.ratio(0.6, 0.85),
    )
    return scene.place(
        rng,
        behaviour,
        c.group,
        start_s,
        caller,
        c.targets(c.calls),
        trunk=trunks[chosen],
        attestation=signs[chosen],
    )
