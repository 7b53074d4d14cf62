"""Campaigns against one callee, against the registrar, and by MESSAGE.

============  ==============================================================================================
TDoS          one callee called until the line is busy, from one number or from many
scanner       INVITEs to extensions 100 to 999: 404, a challenge that is not answered, or 403
message spam  SIP MESSAGE (RFC 3428) to strangers, from one number or from rotating ones
============  ==============================================================================================
"""

from __future__ import annotations

import numpy as np

from spit.simulate.campaign import Campaign
from spit.simulate.columns import CallColumns
from spit.simulate.network import I64
from spit.simulate.timing import FLAT_HOURS

EXTENSIONS = (100, 1000)


def tdos(c: Campaign) -> CallColumns:
    """Calls that keep one line busy."""
    rng, scene = c.rng, c.scene
    victim = int(rng.choice(scene.subscribers))
    sizes = c.sizes(c.calls, max(1.0, c.between(2.0, 40.0)), 0.8, 1, 2000)
    lanes = min(len(sizes), max(1, round(c.between(20.0, 2.0))))
    devices = [c.device() for _ in range(min(len(sizes), int(rng.integers(1, 4))))]
    caller = c.rotating(sizes, c.calls, lanes, devices, c.trunks(4))
    start_s = c.times(c.calls, c.between(60.0, 2500.0), FLAT_HOURS)
    behaviour = c.dialler(
        c.ratio(0.4, 0.1),
        {486: 0.55, 480: 0.12, 487: 0.25, 503: 0.08},
        duration_log=(float(rng.uniform(1.5, 4.5)), 0.6),
        give_up_s=(8.0, 60.0),
        callee_hangup_ratio=c.ratio(0.4, 0.7),
        voicemail_ratio=0.2,
    )
    return scene.place(rng, behaviour, c.group, start_s, caller, np.full(c.calls, victim))


def scanner(c: Campaign) -> CallColumns:
    """Which extensions are there, and which of them can be called without a password?"""
    rng, scene = c.rng, c.scene
    sizes = c.sizes(c.calls, max(5.0, c.between(20.0, 400.0)), 0.5, 1, 5000)
    caller = c.rotating(sizes, c.calls, 1, [c.device()], c.trunks(1))
    low, high = EXTENSIONS
    dialled: I64 = low + (int(rng.integers(high - low)) + np.arange(c.calls)) % (high - low)
    if rng.random() > c.strength:
        dialled = rng.permutation(dialled)
    left = c.ratio(0.3, 0.6) * float(rng.random())
    behaviour = c.dialler(0.01, {404: 0.8, 403: float(rng.uniform(0.05, 0.6)), 486: 0.02}, left_ratio=left)
    start_s = c.times(c.calls, c.between(60.0, 3000.0), FLAT_HOURS)
    return scene.place(
        rng,
        behaviour,
        c.group,
        start_s,
        caller,
        scene.book.add(dialled),
        attestation=np.zeros(c.calls, np.int64),
    )


def message_spam(c: Campaign) -> CallColumns:
    """The same text to many strangers."""
    rng, scene = c.rng, c.scene
    sizes = c.sizes(c.calls, max(1.0, c.between(4.0, 200.0)), 0.6, 1, 5000)
    lanes = min(len(sizes), max(1, round(c.between(10.0, 1.0))))
    caller = c.rotating(sizes, c.calls, lanes, [c.device()], c.trunks(3))
    start_s = c.times(c.calls, c.between(40.0, 2000.0), c.hours(FLAT_HOURS))
    missing = rng.random(c.calls) < c.ratio(0.04, 0.25)
    behaviour = c.dialler(0.0, {404: 1.0})
    callee = c.targets(c.calls)
    return scene.place(rng, behaviour, c.group, start_s, caller, callee, not_found=missing, message=True)
