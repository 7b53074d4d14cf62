"""Organisations and machines that call many people, or one another, and are no spam.

=================  =========================================================================================
enterprise         20 to 120 numbers of one range and equipment, office hours, each a few calls a day
mobile courier     one mobile, 20 to 90 calls of half a minute a day to people it never called before
dispatcher         taxi or ride: 40 to 400 calls a day to customers, some only rung once: the car is here
survey             an institute or reminder of debts: lists worked off patiently, few answer, many refuse
conference         a bridge dials all members within seconds; they leave together
notifier           one-time codes and delivery notices by MESSAGE, one or two for each of thousands
voicemail          a mailbox system calls its subscribers: messages wait
fax                T.38, half a minute to minutes, its own list, again where it is busy
alarm              meters and alarm diallers call their one receiver at fixed intervals
roaming gateway    temporary numbers of a range, each lent to somebody for a call or two
=================  =========================================================================================

Rates and shares are ours. What an organisation keeps to is what tells it from a campaign: its lists, its
hours, its patience, answers and conversations.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spit.simulate.columns import MEDIA
from spit.simulate.network import F64, I64
from spit.simulate.population import callees, place_return_calls
from spit.simulate.scene import Scene
from spit.simulate.timing import FLAT_HOURS, OFFICE_HOURS, RESIDENTIAL_HOURS, poisson_arrivals


def place_organisations(scene: Scene) -> None:
    """Places the calls of every organisation and machine of the spec."""
    for size, place in _PLACERS.items():
        for number in range(getattr(scene.spec, size)):
            place(scene, scene.rng(f"{size} {number}"))


def _lines(scene: Scene, rng: np.random.Generator, fewest: int, most: int) -> I64:
    """New numbers of one organisation, with one make of equipment."""
    weights = scene.book.device_weights
    device = int(rng.choice(len(weights), p=weights))
    count = int(rng.integers(fewest, most + 1))
    return scene.book.add_random(count, device=device, outside_ratio=scene.world.outside_ratio)


def _customers(scene: Scene, rng: np.random.Generator, fewest: int, most: int) -> I64:
    """Whom an organisation calls: of its area, or from everywhere."""
    size = min(int(rng.integers(fewest, most + 1)), len(scene.subscribers))
    if rng.random() < scene.world.local_ratio:
        order = np.argsort(scene.book.numbers()[scene.subscribers], kind="stable")
        first = int(rng.integers(len(order) - size + 1))
        return scene.subscribers[order[first : first + size]]
    return rng.choice(scene.subscribers, size, replace=False)


def _enterprise(scene: Scene, rng: np.random.Generator) -> None:
    weights = scene.book.device_weights
    device = int(rng.choice(len(weights), p=weights))
    trunk = rng.choice(len(scene.network.weights), 1, p=np.array(scene.network.weights))
    lines = scene.book.add_range(int(rng.integers(20, 121)), device=device, trunks=trunk)
    start_s = poisson_arrivals(rng, scene.clock(OFFICE_HOURS), float(rng.uniform(1.0, 8.0)) * len(lines))
    caller = lines[np.floor(len(lines) * rng.random(len(start_s)) ** 1.5).astype(np.int64)]
    known = _customers(scene, rng, 60, 400)
    callee = callees(scene, rng, len(start_s), known, float(rng.uniform(0.3, 0.8)))
    behaviour = scene.behaviour(
        scene.world.sample(rng, "answer"),
        duration_log=(scene.world.conversation_mu + float(rng.uniform(-0.6, 0.2)), 1.2),
    )
    calls = scene.place(rng, behaviour, scene.add_group("enterprise"), start_s, caller, callee)
    place_return_calls(scene, rng, calls, scene.world.company_returned_ratio)


def _mobile_courier(scene: Scene, rng: np.random.Generator) -> None:
    line = scene.book.add_random(1, outside_ratio=scene.world.outside_ratio)
    start_s = poisson_arrivals(rng, scene.clock(OFFICE_HOURS), float(rng.uniform(20.0, 90.0)))
    callee = rng.choice(_customers(scene, rng, 200, 2000), len(start_s))
    behaviour = scene.behaviour(
        min(0.9, scene.world.sample(rng, "answer") * float(rng.uniform(0.9, 1.2))),
        duration_log=(float(rng.uniform(2.5, 3.6)), float(rng.uniform(0.5, 0.8))),
        give_up_s=(12.0, 28.0),
        second_thought_ratio=0.02,
        callee_hangup_ratio=float(rng.uniform(0.35, 0.55)),
    )
    caller = np.repeat(line, len(start_s))
    calls = scene.place(rng, behaviour, scene.add_group("mobile_courier"), start_s, caller, callee)
    place_return_calls(scene, rng, calls, scene.world.person_returned_ratio)


def _dispatcher(scene: Scene, rng: np.random.Generator) -> None:
    lines = _lines(scene, rng, 1, 3)
    start_s = poisson_arrivals(rng, scene.clock(RESIDENTIAL_HOURS), float(rng.uniform(40.0, 400.0)))
    regulars = _customers(scene, rng, 100, 600)
    callee = callees(scene, rng, len(start_s), regulars, float(rng.uniform(0.2, 0.7)))
    caller = rng.choice(lines, len(start_s))
    rings = rng.random(len(start_s)) < float(rng.uniform(0.0, 0.35))
    group = scene.add_group("dispatcher")
    spoken = scene.behaviour(
        float(rng.uniform(0.65, 0.9)),
        duration_log=(float(rng.uniform(2.2, 3.2)), 0.5),
        give_up_s=(12.0, 30.0),
        callee_hangup_ratio=0.5,
    )
    calls = scene.place(rng, spoken, group, start_s[~rings], caller[~rings], callee[~rings])
    place_return_calls(scene, rng, calls, scene.world.person_returned_ratio)
    # Customers ordered before, so the ring alone says enough: they called first.
    rung = scene.behaviour(0.05, failures={487: 1.0}, duration_log=(1.0, 0.4), give_up_s=(3.0, 9.0))
    ordered_s = start_s[rings] - rng.uniform(180.0, 1500.0, int(rings.sum()))
    order = scene.behaviour(0.95, duration_log=(3.5, 0.5), answer_ring_s=(3.0, 0.4))
    residential = scene.add_group("residential")
    scene.place(rng, order, residential, ordered_s, callee[rings], caller[rings])
    scene.place(rng, rung, group, start_s[rings], caller[rings], callee[rings])


def _survey(scene: Scene, rng: np.random.Generator) -> None:
    """Each name on the list is tried again at other hours: that and its patience are what it keeps to."""
    lines = _lines(scene, rng, 1, 6)
    listed = _customers(scene, rng, 60, 400)
    tries = int(rng.integers(2, 6))
    per_day = float(rng.uniform(60.0, 350.0))
    start_s = poisson_arrivals(rng, scene.clock(OFFICE_HOURS), per_day)
    count = len(start_s)
    sample = listed[: max(10, count // tries)]
    callee = sample[rng.permutation(count) % len(sample)] if count else np.empty(0, np.int64)
    behaviour = scene.behaviour(
        float(rng.uniform(0.25, 0.5)),
        duration_log=(float(rng.uniform(3.2, 4.6)), float(rng.uniform(0.9, 1.3))),
        give_up_s=(18.0, 35.0),
        second_thought_ratio=0.0,
        callee_hangup_ratio=float(rng.uniform(0.4, 0.65)),
    )
    calls = scene.place(rng, behaviour, scene.add_group("survey"), start_s, rng.choice(lines, count), callee)
    place_return_calls(scene, rng, calls, scene.world.company_returned_ratio)


def _conference(scene: Scene, rng: np.random.Generator) -> None:
    line = _lines(scene, rng, 1, 1)
    days = scene.spec.duration_s / 86_400
    group = scene.add_group("conference")
    members = _customers(scene, rng, 10, 80)
    for _ in range(max(1, int(rng.poisson(float(rng.uniform(2.0, 8.0)) * days)))):
        size = int(rng.integers(3, min(25, len(members))))
        clock = scene.clock(OFFICE_HOURS)
        begin = float(clock.to_seconds(rng.random(1) * clock.days)[0]) // 1800 * 1800
        start_s: F64 = begin + np.sort(rng.uniform(0.0, 20.0, size))
        length = float(rng.uniform(900.0, 3600.0))
        behaviour = scene.behaviour(
            float(rng.uniform(0.7, 0.95)), duration_log=(float(np.log(length)), 0.1), give_up_s=(25.0, 45.0)
        )
        callee = rng.choice(members, size, replace=False)
        scene.place(rng, behaviour, group, start_s, np.repeat(line, size), callee)


def _notifier(scene: Scene, rng: np.random.Generator) -> None:
    """Most receive one code; who orders often receives several."""
    lines = _lines(scene, rng, 1, 4)
    start_s = poisson_arrivals(rng, scene.clock(RESIDENTIAL_HOURS), float(rng.uniform(100.0, 1500.0)))
    callee = rng.choice(_customers(scene, rng, 200, 3000), len(start_s))
    # A code is asked for again when it does not come.
    again = rng.random(len(start_s)) < 0.1
    start_s = np.concatenate([start_s, start_s[again] + rng.uniform(20.0, 90.0, int(again.sum()))])
    callee = np.concatenate([callee, callee[again]])
    missing = rng.random(len(start_s)) < float(rng.uniform(0.002, 0.03))
    group = scene.add_group("notifier")
    caller = rng.choice(lines, len(start_s))
    scene.place(rng, scene.behaviour(0.9), group, start_s, caller, callee, not_found=missing, message=True)


def _voicemail(scene: Scene, rng: np.random.Generator) -> None:
    line = _lines(scene, rng, 1, 1)
    start_s = poisson_arrivals(rng, scene.clock(RESIDENTIAL_HOURS), float(rng.uniform(40.0, 400.0)))
    callee = rng.choice(_customers(scene, rng, 100, 800), len(start_s))
    behaviour = scene.behaviour(
        scene.world.sample(rng, "answer"),
        message_s=float(rng.uniform(12.0, 40.0)),
        give_up_s=(20.0, 30.0),
        second_thought_ratio=0.0,
        callee_hangup_ratio=float(rng.uniform(0.4, 0.7)),
        voicemail_ratio=0.0,
    )
    group = scene.add_group("voicemail_notification")
    scene.place(rng, behaviour, group, start_s, np.repeat(line, len(start_s)), callee)


def _fax(scene: Scene, rng: np.random.Generator) -> None:
    line = _lines(scene, rng, 1, 1)
    start_s = poisson_arrivals(rng, scene.clock(OFFICE_HOURS), float(rng.uniform(5.0, 120.0)))
    callee = rng.choice(_customers(scene, rng, 5, 120), len(start_s))
    behaviour = scene.behaviour(
        float(rng.uniform(0.7, 0.95)),
        failures={486: 0.7, 480: 0.2, 503: 0.1},
        duration_log=(float(rng.uniform(3.3, 4.6)), 0.5),
        answer_ring_s=(3.0, 0.3),
        callee_hangup_ratio=0.3,
        voicemail_ratio=0.0,
    )
    group, media = scene.add_group("fax"), MEDIA.index("image")
    calls = scene.place(rng, behaviour, group, start_s, np.repeat(line, len(start_s)), callee, media=media)
    failed = calls.take(calls.status == 486)
    again_s = failed.invite_us / 1e6 + rng.uniform(120.0, 400.0, len(failed))
    scene.place(rng, behaviour, group, again_s, failed.caller, failed.callee, media=media)


def _alarm(scene: Scene, rng: np.random.Generator) -> None:
    """Devices of one maker that report to one receiver; when the mains fail, all at once."""
    devices = _lines(scene, rng, 5, 60)
    receiver = _lines(scene, rng, 1, 1)
    interval_s = float(rng.choice([1800.0, 3600.0, 4 * 3600.0, 86_400.0]))
    phase = rng.uniform(0.0, interval_s, len(devices))
    turns = int(scene.spec.duration_s // interval_s) + 1
    row = np.repeat(np.arange(len(devices)), turns)
    start_s = scene.start_s + phase[row] + np.tile(np.arange(turns), len(devices)) * interval_s
    if rng.random() < 0.3:
        failure_s = scene.start_s + float(rng.random()) * scene.spec.duration_s
        row = np.concatenate([row, np.arange(len(devices))])
        start_s = np.concatenate([start_s, failure_s + rng.exponential(30.0, len(devices))])
    behaviour = scene.behaviour(
        0.97,
        failures={486: 0.7, 503: 0.3},
        duration_log=(float(rng.uniform(1.6, 3.2)), 0.2),
        answer_ring_s=(1.0, 0.3),
        callee_hangup_ratio=0.1,
        voicemail_ratio=0.0,
    )
    start_s = start_s + rng.normal(0.0, 0.5, len(start_s))
    group = scene.add_group("alarm")
    scene.place(rng, behaviour, group, start_s, devices[row], np.repeat(receiver, len(row)))


def _roaming_gateway(scene: Scene, rng: np.random.Generator) -> None:
    """Numbers rotate and the equipment stays, as a robocaller's do; the calls are people's."""
    weights = scene.book.device_weights
    device = int(rng.choice(len(weights), p=weights))
    trunk = rng.choice(len(scene.network.weights), 1, p=np.array(scene.network.weights))
    lent = scene.book.add_range(int(rng.integers(50, 300)), device=device, trunks=trunk)
    clock = scene.clock(FLAT_HOURS if rng.random() < 0.3 else RESIDENTIAL_HOURS)
    start_s = poisson_arrivals(rng, clock, float(rng.uniform(50.0, 500.0)))
    caller = lent[(np.arange(len(start_s)) // int(rng.integers(1, 4))) % len(lent)]
    callee = rng.choice(scene.subscribers, len(start_s))
    behaviour = scene.behaviour(scene.world.sample(rng, "answer"))
    scene.place(rng, behaviour, scene.add_group("roaming_gateway"), start_s, caller, callee)


_PLACERS: dict[str, Callable[[Scene, np.random.Generator], None]] = {
    "enterprises": _enterprise,
    "mobile_couriers": _mobile_courier,
    "dispatchers": _dispatcher,
    "surveys": _survey,
    "conferences": _conference,
    "notifiers": _notifier,
    "voicemails": _voicemail,
    "faxes": _fax,
    "alarms": _alarm,
    "roaming_gateways": _roaming_gateway,
}
