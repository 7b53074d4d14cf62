"""Legitimate callers of every scenario. Parameters: docs/simulation.md, swept by seed within the ranges
given there.

================  ==========================================================================================
residential       3 to 8 calls a day, 60 to 80 % to people called before, ASR 50 to 70 %, Weibull gaps,
                  lognormal(4.248, 1.374) durations
new subscriber    the same, more calls, and the first of them within the capture
business, PBX     ASR 50 to 70 %; 10 to 130 calls a day over its numbers, 100 to 300 for a PBX with one
call centre       predictive dialler: inhomogeneous Poisson, lognormal service (mean 100 to 200 s), ASR 35 to
                  50 % (trunk floor 40 %), rings at least 15 s, abandons at most 3 %
alert blast       hundreds of calls in minutes to a fixed list, message of one length, repeated
reminder          courier or pharmacy: office hours, short message, ASR 50 to 70 %
probe             a monitoring system that calls one number at a fixed interval
call-back storm   strangers call back a person whose number was spoofed
================  ==========================================================================================
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from spit.simulate.columns import NEVER, CallColumns, Mask
from spit.simulate.contacts import contact_graph
from spit.simulate.network import F64, I64
from spit.simulate.scene import Scene
from spit.simulate.timing import (
    FLAT_HOURS,
    OFFICE_HOURS,
    RESIDENTIAL_HOURS,
    poisson_arrivals,
    renewal_arrivals,
)


def place_population(scene: Scene) -> None:
    """Places the calls of every legitimate caller of the spec."""
    spec = scene.spec
    place_residential(scene)
    for number in range(spec.businesses):
        _place_business(scene, number)
    for number in range(spec.pbxs):
        _place_pbx(scene, number)
    for number in range(spec.call_centres):
        _place_call_centre(scene, number)
    for number in range(spec.alert_blasts):
        _place_alert_blast(scene, number)
    for number in range(spec.reminders):
        _place_reminder(scene, number)
    for number in range(spec.probes):
        _place_probe(scene, number)
    for number in range(spec.call_back_storms):
        _place_call_back_storm(scene, number)


def place_residential(scene: Scene) -> None:
    """Residential callers and new subscribers; most of their contacts have them as a contact too."""
    spec, world = scene.spec, scene.world
    people = spec.residential + spec.new_subscribers
    if people == 0:
        return
    rng = scene.rng("residential")
    contacts, contact_count = contact_graph(scene, rng, people)
    clock = scene.clock(RESIDENTIAL_HOURS)
    rate = rng.uniform(world.calls_per_day_low, world.calls_per_day_high, people)
    shape = rng.uniform(world.gap_shape_low, world.gap_shape_high, people)
    is_new = np.arange(people) >= spec.residential
    rate = np.where(is_new, rate * 1.6, rate)
    row, start_s = renewal_arrivals(rng, clock, rate, shape)
    joined_s = np.where(is_new, scene.start_s + rng.uniform(0.05, 0.7, people) * spec.duration_s, 0.0)
    kept = start_s >= joined_s[row]
    row, start_s = row[kept], start_s[kept]

    known_ratio = rng.uniform(world.known_low, world.known_high, people)[row]
    rank = np.floor(contact_count[row] * rng.random(len(row)) ** 2).astype(np.int64)
    known = rng.random(len(row)) < known_ratio
    stranger = rng.integers(len(scene.subscribers), size=len(row))
    callee = scene.subscribers[np.where(known, contacts[row, rank], stranger)]
    ratio = rng.uniform(world.answer_low, world.answer_high, people)[row]
    caller = scene.subscribers[row]
    for name, chosen in (("residential", ~is_new[row]), ("new_subscriber", is_new[row])):
        if chosen.any():
            scene.place(
                rng,
                scene.behaviour(0.6),
                scene.add_group(name),
                start_s[chosen],
                caller[chosen],
                callee[chosen],
                answer_ratio=ratio[chosen],
            )
            calls = scene.parts[-1] = without_overlaps(scene.parts[-1])
            place_redials(scene, rng, calls)
            place_return_calls(scene, rng, calls, world.person_returned_ratio)


def place_redials(scene: Scene, rng: np.random.Generator, calls: CallColumns) -> None:
    """The same call again some minutes after it failed; ``calls`` are of one group."""
    failed = np.isin(calls.status, (480, 486, 487, 503)) & (rng.random(len(calls)) < scene.world.redial_ratio)
    again = calls.take(failed)
    if len(again):
        start_s = again.final_us / 1e6 + rng.uniform(40.0, 600.0, len(again))
        scene.place(rng, scene.behaviour(0.6), int(again.group[0]), start_s, again.caller, again.callee)


def place_return_calls(scene: Scene, rng: np.random.Generator, calls: CallColumns, ratio: float) -> None:
    """People who missed a call return it, for this share of the missed ones: ordinary calls to the caller."""
    rang_out = (calls.ring_us < NEVER) & np.isin(calls.status, (408, 480, 487))
    # Subscribers come first in the book; behind the other numbers may be a campaign.
    rang_out &= calls.callee < len(scene.subscribers)
    missed = calls.take(rang_out & (rng.random(len(calls)) < ratio))
    if len(missed):
        start_s = missed.final_us / 1e6 + rng.lognormal(np.log(480.0), 1.1, len(missed))
        group = scene.add_group("residential")
        scene.place(rng, scene.behaviour(0.6), group, start_s, missed.callee, missed.caller)


def _place_call_back_storm(scene: Scene, number: int) -> None:
    """A person whose number was spoofed elsewhere: strangers call back, most of them once."""
    rng = scene.rng(f"call-back storm {number}")
    victim = int(rng.choice(scene.subscribers))
    count = min(int(rng.integers(60, 250)), len(scene.subscribers) // 2)
    begin_s = scene.start_s + float(rng.uniform(0.1, 0.6)) * scene.spec.duration_s
    start_s = begin_s + np.sort(rng.exponential(3600.0, count))
    caller = rng.choice(scene.subscribers, count, replace=False)
    group = scene.add_group("call_back_storm")
    scene.place(rng, scene.behaviour(0.35), group, start_s, caller, np.full(count, victim))


def without_overlaps(calls: CallColumns) -> CallColumns:
    """Leaves out calls that a person would place while still in the call before."""
    if not len(calls):
        return calls
    order = np.lexsort((calls.invite_us, calls.caller))
    calls = calls.take(order)
    over = np.minimum(calls.bye_us, calls.final_us)
    same = calls.caller[1:] == calls.caller[:-1]
    busy: Mask = np.concatenate([[False], same & (calls.invite_us[1:] < over[:-1]) & (over[:-1] < NEVER)])
    return calls.take(~busy)


def callees(scene: Scene, rng: np.random.Generator, count: int, known: I64, known_ratio: float) -> I64:
    """Callees of ``count`` calls: so many of them regulars, by popularity, the rest any subscriber."""
    regular = known[np.floor(len(known) * rng.random(count) ** 2).astype(np.int64)]
    anyone = rng.choice(scene.subscribers, count)
    return np.where(rng.random(count) < known_ratio, regular, anyone)


def _place_business(scene: Scene, number: int) -> None:
    rng = scene.rng(f"business {number}")
    clock = scene.clock(OFFICE_HOURS)
    lines = scene.book.add_random(int(rng.integers(1, 6)))
    start_s = poisson_arrivals(rng, clock, float(rng.uniform(10, 60)) * len(lines) ** 0.5)
    known = rng.choice(scene.subscribers, int(rng.integers(15, 80)))
    callee = callees(scene, rng, len(start_s), known, float(rng.uniform(0.45, 0.8)))
    behaviour = scene.behaviour(
        scene.world.sample(rng, "answer"),
        duration_log=(scene.world.conversation_mu + float(rng.uniform(-0.2, 0.2)), 1.2),
    )
    calls = scene.place(
        rng, behaviour, scene.add_group("business"), start_s, rng.choice(lines, len(start_s)), callee
    )
    place_return_calls(scene, rng, calls, scene.world.company_returned_ratio)


def _place_pbx(scene: Scene, number: int) -> None:
    """Many people behind one outbound number: a high rate to many callees, and nothing wrong with it."""
    rng = scene.rng(f"pbx {number}")
    clock = scene.clock(OFFICE_HOURS)
    line = scene.book.add_random(1)
    start_s = poisson_arrivals(rng, clock, float(rng.uniform(100, 300)))
    known = rng.choice(scene.subscribers, int(rng.integers(80, 300)))
    callee = callees(scene, rng, len(start_s), known, float(rng.uniform(0.4, 0.7)))
    behaviour = scene.behaviour(scene.world.sample(rng, "answer"))
    calls = scene.place(
        rng, behaviour, scene.add_group("pbx"), start_s, np.repeat(line, len(start_s)), callee
    )
    place_return_calls(scene, rng, calls, scene.world.company_returned_ratio)


def _place_call_centre(scene: Scene, number: int) -> None:
    rng = scene.rng(f"call centre {number}")
    clock = scene.clock(OFFICE_HOURS)
    lines = scene.book.add_random(int(rng.integers(1, 4)))
    start_s = poisson_arrivals(rng, clock, float(rng.uniform(400, 1200)))
    customers = rng.choice(scene.subscribers, int(rng.integers(200, 800)))
    callee = callees(scene, rng, len(start_s), customers, float(rng.uniform(0.6, 0.95)))
    sigma = float(rng.uniform(0.7, 1.0))
    mean_s = float(rng.uniform(100, 200))
    behaviour = scene.behaviour(
        float(rng.uniform(0.35, 0.50)),
        failures={**scene.failures, 404: 0.06, 487: 0.42},
        duration_log=(float(np.log(mean_s)) - sigma**2 / 2, sigma),
        give_up_s=(15.0, 32.0),
        second_thought_ratio=0.0,
        callee_hangup_ratio=float(rng.uniform(0.4, 0.6)),
        abandon_ratio=float(rng.uniform(0.005, 0.03)),
        voicemail_ratio=0.10,
    )
    caller = rng.choice(lines, len(start_s))
    calls = scene.place(rng, behaviour, scene.add_group("call_centre"), start_s, caller, callee)
    place_return_calls(scene, rng, calls, scene.world.company_returned_ratio)


def _place_alert_blast(scene: Scene, number: int) -> None:
    """School or emergency alert: the whole list within minutes, unanswered ones once more after a while."""
    rng = scene.rng(f"alert blast {number}")
    spec = scene.spec
    line = scene.book.add_random(1)
    group = scene.add_group("alert_blast")
    members = min(int(rng.integers(100, 400)), len(scene.subscribers) // 2)
    listed = rng.choice(scene.subscribers, members, replace=False)
    blasts = max(1, round(spec.duration_s / 86_400 * float(rng.uniform(0.7, 1.5))))
    slot_s = spec.duration_s / blasts
    for blast in range(blasts):
        length_s = float(rng.uniform(120, 600))
        begin_s = scene.start_s + slot_s * blast + float(rng.uniform(0.1, 0.6)) * slot_s
        message_s = float(rng.uniform(18, 50))
        behaviour = scene.behaviour(
            float(rng.uniform(0.6, 0.78)),
            failures={**scene.failures, 404: 0.03},
            message_s=message_s,
            give_up_s=(24.0, 32.0),
            second_thought_ratio=0.0,
            callee_hangup_ratio=float(rng.uniform(0.12, 0.3)),
            voicemail_ratio=0.3,
        )
        order = rng.permutation(listed)
        start_s = begin_s + np.sort(rng.random(members)) * length_s
        calls = scene.place(rng, behaviour, group, start_s, np.repeat(line, members), order)
        missed = calls.callee[(calls.status != 200) & (calls.status != 404)]
        again_s = begin_s + length_s + 900.0 + np.sort(rng.random(len(missed))) * length_s
        scene.place(rng, behaviour, group, again_s, np.repeat(line, len(missed)), missed)


def _place_reminder(scene: Scene, number: int) -> None:
    rng = scene.rng(f"reminder {number}")
    courier = number % 2 == 0
    clock = scene.clock(OFFICE_HOURS)
    lines = scene.book.add_random(int(rng.integers(1, 3)))
    start_s = poisson_arrivals(rng, clock, float(rng.uniform(40, 160)))
    known = rng.choice(scene.subscribers, int(rng.integers(60, 250)))
    # A courier meets new addresses every day, a pharmacy mostly its regulars.
    known_ratio = float(rng.uniform(0.05, 0.3) if courier else rng.uniform(0.6, 0.9))
    callee = callees(scene, rng, len(start_s), known, known_ratio)
    behaviour = scene.behaviour(
        scene.world.sample(rng, "answer"),
        give_up_s=(18.0, 30.0),
        second_thought_ratio=0.02,
        voicemail_ratio=0.2,
    )
    if courier:
        behaviour = replace(behaviour, duration_log=(3.4, 0.6))
    else:
        behaviour = replace(behaviour, message_s=float(rng.uniform(15, 35)), callee_hangup_ratio=0.3)
    group = scene.add_group("courier" if courier else "pharmacy_reminder")
    scene.place(rng, behaviour, group, start_s, rng.choice(lines, len(start_s)), callee)


def _place_probe(scene: Scene, number: int) -> None:
    """A monitoring probe: one callee, answered at once, every call short."""
    rng = scene.rng(f"probe {number}")
    line = scene.book.add_random(1)
    test_number = scene.book.add_random(1)
    interval_s = float(rng.choice([300.0, 600.0, 900.0, 1800.0]))
    clock = scene.clock(FLAT_HOURS)
    start_s: F64 = np.arange(rng.uniform(0, interval_s), clock.days * 86_400.0, interval_s) + scene.start_s
    behaviour = scene.behaviour(
        0.995,
        failures={503: 0.5, 408: 0.5},
        message_s=float(rng.uniform(3, 9)),
        answer_ring_s=(0.4, 0.2),
        callee_hangup_ratio=0.0,
        voicemail_ratio=0.0,
    )
    count = len(start_s)
    scene.place(
        rng,
        behaviour,
        scene.add_group("probe"),
        start_s + rng.normal(0.0, 0.05, count),
        np.repeat(line, count),
        np.repeat(test_number, count),
    )
