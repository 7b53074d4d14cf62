"""People with a phone, beside the residential callers of every scenario.

=================  =========================================================================================
light caller       0.2 to 1.5 calls a day
teenager           3 to 15 short calls a day to few friends
elderly            0.3 to 2 long calls a day; called by others more often than they call
family             members call each other, and one after the other when nobody answers
visitor            a customer of another carrier, seen once or a few times: most callers of an interconnect
traveller          roaming or prepaid: some calls to strangers within an hour or two, never seen again
chatter            SIP MESSAGE between acquaintances, in bursts of question and answer
forwarded call     somebody calls a subscriber who has the call forwarded: Diversion names the forwarder
hotline caller     many people call one company, and again when it is busy
phone-in caller    within minutes many call a contest, a vote, a sale; most hear busy and redial at once
emergency          a call centre of the emergency services calls back (Priority: psap-callback, RFC 7090)
=================  =========================================================================================

Rates and shares are ours.
"""

from __future__ import annotations

import numpy as np

from spit.simulate.contacts import contact_graph
from spit.simulate.network import F64, I64
from spit.simulate.population import callees, place_redials, place_return_calls, without_overlaps
from spit.simulate.scene import Scene
from spit.simulate.spec import FAMILY_SIZE
from spit.simulate.timing import FLAT_HOURS, OFFICE_HOURS, RESIDENTIAL_HOURS, renewal_arrivals

#: Calls a day, talk time against that of everybody (added to mu), share of calls to contacts, times called.
_CLASSES = {
    "light_callers": ("light_caller", (0.2, 1.5), (-0.2, 0.2), (0.5, 0.9), 0.0),
    "teenagers": ("teenager", (3.0, 15.0), (-1.8, -0.6), (0.8, 0.97), 0.0),
    "elderly": ("elderly", (0.3, 2.0), (0.1, 0.9), (0.6, 0.95), 2.5),
}


def place_people(scene: Scene) -> None:
    """Places the calls of everybody in the table above."""
    spec = scene.spec
    first = spec.residential + spec.new_subscribers
    for name in _CLASSES:
        size = getattr(spec, name)
        if size:
            _place_class(scene, name, scene.subscribers[first : first + size])
        first += size
    if spec.families:
        _place_families(scene, scene.subscribers[first : first + spec.families * FAMILY_SIZE])
    if spec.visitors:
        _place_visitors(scene)
    if spec.travellers:
        _place_travellers(scene)
    if spec.chatters:
        _place_chatters(scene)
    for number in range(spec.forwarders):
        _place_forwarder(scene, number)
    for number in range(spec.hotlines):
        _place_hotline(scene, number)
    for number in range(spec.emergencies):
        _place_emergency(scene, number)
    for number in range(spec.phone_ins):
        _place_phone_in(scene, number)


def _place_class(scene: Scene, name: str, people: I64) -> None:
    group_name, per_day, longer, known_ratio, called = _CLASSES[name]
    rng, world = scene.rng(name), scene.world
    contacts, contact_count = contact_graph(scene, rng, len(people))
    rate = rng.uniform(*per_day, len(people))
    shape = rng.uniform(world.gap_shape_low, world.gap_shape_high, len(people))
    row, start_s = renewal_arrivals(rng, scene.clock(RESIDENTIAL_HOURS), rate, shape)
    rank = np.floor(contact_count[row] * rng.random(len(row)) ** 2).astype(np.int64)
    # The graph counts this class from zero; its members stand elsewhere among the subscribers.
    contact = contacts[row, rank]
    own = contact < len(people)
    friend = np.where(own, people[np.where(own, contact, 0)], scene.subscribers[contact])
    stranger = rng.choice(scene.subscribers, len(row))
    callee = np.where(rng.random(len(row)) < rng.uniform(*known_ratio), friend, stranger)
    behaviour = scene.behaviour(
        world.sample(rng, "answer"),
        duration_log=(
            world.conversation_mu + float(rng.uniform(*longer)),
            world.conversation_sigma * float(rng.uniform(0.7, 1.0)),
        ),
    )
    ratio = rng.uniform(world.answer_low, world.answer_high, len(people))[row]
    group = scene.add_group(group_name)
    scene.place(rng, behaviour, group, start_s, people[row], callee, answer_ratio=ratio)
    calls = scene.parts[-1] = without_overlaps(scene.parts[-1])
    place_redials(scene, rng, calls)
    place_return_calls(scene, rng, calls, world.person_returned_ratio)
    if called:
        # Relatives and clubs call them; who calls is an ordinary subscriber.
        at = rng.integers(len(row), size=int(len(row) * called)) if len(row) else np.empty(0, np.int64)
        when = scene.clock(RESIDENTIAL_HOURS)
        start_s = when.to_seconds(rng.random(len(at)) * when.days)
        scene.place(rng, behaviour, scene.add_group("residential"), start_s, friend[at], people[row[at]])


def _place_families(scene: Scene, members: I64) -> None:
    rng = scene.rng("families")
    per_day = float(rng.uniform(1.5, 7.0))
    rate = rng.uniform(0.4 * per_day, 1.6 * per_day, len(members))
    row, start_s = renewal_arrivals(rng, scene.clock(RESIDENTIAL_HOURS), rate, np.full(len(members), 0.7))
    family = row // FAMILY_SIZE * FAMILY_SIZE
    other = family + (row - family + rng.integers(1, FAMILY_SIZE, len(row))) % FAMILY_SIZE
    within = rng.random(len(row)) < rng.uniform(0.5, 0.9)
    callee = np.where(
        within, members[np.minimum(other, len(members) - 1)], rng.choice(scene.subscribers, len(row))
    )
    behaviour = scene.behaviour(
        scene.world.sample(rng, "answer"),
        duration_log=(scene.world.conversation_mu - float(rng.uniform(0.2, 1.2)), 1.1),
    )
    group = scene.add_group("family")
    scene.place(rng, behaviour, group, start_s, members[row], callee)
    calls = scene.parts[-1] = without_overlaps(scene.parts[-1])
    place_redials(scene, rng, calls)


def _place_visitors(scene: Scene) -> None:
    """Customers of other carriers. Some return a call, most are strangers, many call once."""
    rng, world, count = scene.rng("visitors"), scene.world, scene.spec.visitors
    near = rng.random(count) < world.local_ratio
    wanted = rng.choice(scene.subscribers, count)
    caller = np.empty(count, dtype=np.int64)
    caller[~near] = scene.book.add_random(int((~near).sum()), outside_ratio=0.9)
    caller[near] = scene.book.add_near(scene.book.numbers()[wanted[near]])
    times = rng.geometric(1.0 / world.visitor_calls, count)
    row = np.repeat(np.arange(count), times)
    clock = scene.clock(RESIDENTIAL_HOURS if rng.random() < 0.6 else OFFICE_HOURS)
    start_s = clock.to_seconds(rng.random(len(row)) * clock.days)
    # Who calls again calls the same person, or another.
    first = np.concatenate([[True], row[1:] != row[:-1]]) if len(row) else np.empty(0, np.bool_)
    same = first | (rng.random(len(row)) < rng.uniform(0.3, 0.8))
    callee = np.where(same, wanted[row], rng.choice(scene.subscribers, len(row)))
    behaviour = scene.behaviour(
        world.sample(rng, "answer"),
        duration_log=(
            world.conversation_mu + float(rng.uniform(-0.8, 0.2)),
            world.conversation_sigma * float(rng.uniform(0.8, 1.0)),
        ),
    )
    ratio = rng.uniform(world.answer_low, world.answer_high, count)[row]
    group = scene.add_group("visitor")
    # Some were called by the subscriber before they call: no strangers.
    known = np.flatnonzero(rng.random(count) >= world.visitor_stranger_ratio)
    if len(known):
        earliest = np.full(count, np.inf)
        np.minimum.at(earliest, row, start_s)
        before_s = earliest[known] - rng.exponential(3 * 3600.0, len(known)) - 60.0
        residential = scene.add_group("residential")
        scene.place(rng, behaviour, residential, before_s, wanted[known], caller[known])
    calls = scene.place(rng, behaviour, group, start_s, caller[row], callee, answer_ratio=ratio)
    place_redials(scene, rng, calls)
    place_return_calls(scene, rng, calls, world.person_returned_ratio)


def _place_travellers(scene: Scene) -> None:
    rng, count = scene.rng("travellers"), scene.spec.travellers
    caller = scene.book.add_random(count, outside_ratio=1.0)
    times = rng.integers(1, 8, count)
    row = np.repeat(np.arange(count), times)
    clock = scene.clock(RESIDENTIAL_HOURS)
    begin_s = clock.to_seconds(rng.random(count) * clock.days)
    start_s = begin_s[row] + rng.uniform(0.0, 5400.0, len(row))
    behaviour = scene.behaviour(
        scene.world.sample(rng, "answer"),
        duration_log=(scene.world.conversation_mu - float(rng.uniform(0.3, 1.2)), 1.0),
    )
    callee = rng.choice(scene.subscribers, len(row))
    scene.place(rng, behaviour, scene.add_group("traveller"), start_s, caller[row], callee)
    scene.parts[-1] = without_overlaps(scene.parts[-1])


def _place_chatters(scene: Scene) -> None:
    rng, count = scene.rng("chatters"), scene.spec.chatters
    people = scene.book.add_random(count, outside_ratio=scene.world.outside_ratio)
    friends = rng.choice(np.concatenate([people, scene.subscribers]), (count, 6))
    chats = rng.poisson(float(rng.uniform(1.0, 6.0)) * max(scene.clock(RESIDENTIAL_HOURS).days, 0.1), count)
    owner = np.repeat(np.arange(count), chats)
    clock = scene.clock(RESIDENTIAL_HOURS)
    begin_s = clock.to_seconds(rng.random(len(owner)) * clock.days)
    friend = friends[owner, np.floor(6 * rng.random(len(owner)) ** 2).astype(np.int64)]
    turns = rng.geometric(1.0 / float(rng.uniform(2.0, 9.0)), len(owner))
    row = np.repeat(np.arange(len(owner)), turns)
    start_s = begin_s[row] + np.abs(rng.normal(0.0, 1.0, len(row))) * turns[row] * 30.0
    answers = rng.random(len(row)) < 0.45
    caller = np.where(answers, friend[row], people[owner[row]])
    callee = np.where(answers, people[owner[row]], friend[row])
    group = scene.add_group("chatter")
    scene.place(rng, scene.behaviour(0.9), group, start_s, caller, callee, message=True)


def _place_forwarder(scene: Scene, number: int) -> None:
    """All callers of one subscriber go on to another number, or to a mailbox."""
    rng = scene.rng(f"forwarder {number}")
    line, target = rng.choice(scene.subscribers, 2, replace=False)
    days = scene.clock(OFFICE_HOURS).days
    count = int(rng.poisson(float(rng.uniform(4.0, 60.0)) * max(days, 0.05)))
    caller = scene.book.add_random(max(1, count), outside_ratio=scene.world.outside_ratio)[:count]
    again = rng.random(count) < 0.3
    caller = np.where(again, caller[rng.integers(max(1, count), size=count)] if count else caller, caller)
    clock = scene.clock(OFFICE_HOURS)
    start_s = clock.to_seconds(rng.random(count) * clock.days)
    to_mailbox = rng.random() < 0.3
    behaviour = scene.behaviour(
        0.98 if to_mailbox else scene.world.sample(rng, "answer"),
        answer_ring_s=(0.6, 0.3) if to_mailbox else (scene.world.answer_ring_s, 0.55),
        duration_log=(3.0, 0.6)
        if to_mailbox
        else (scene.world.conversation_mu, scene.world.conversation_sigma),
        callee_hangup_ratio=0.05 if to_mailbox else scene.world.callee_hangup_ratio,
    )
    scene.place(
        rng,
        behaviour,
        scene.add_group("voicemail_deposit" if to_mailbox else "forwarded_call"),
        start_s,
        caller,
        np.full(count, target),
        diverter=np.full(count, line),
    )


def _place_hotline(scene: Scene, number: int) -> None:
    """Callers of one company: more than it can take now and then, and those call again."""
    rng, world = scene.rng(f"hotline {number}"), scene.world
    line = scene.book.add_random(1)
    clock = scene.clock(OFFICE_HOURS)
    count = int(rng.poisson(float(rng.uniform(40.0, 500.0)) * max(clock.days, 0.05)))
    strangers = scene.book.add_random(max(1, count // 2), outside_ratio=world.outside_ratio)
    caller = rng.choice(np.concatenate([strangers, scene.subscribers]), count)
    start_s: F64 = clock.to_seconds(rng.random(count) * clock.days)
    busy = {486: float(rng.uniform(0.2, 0.7)), 487: 0.4, 480: 0.1, 503: 0.05}
    behaviour = scene.behaviour(
        float(rng.uniform(0.6, 0.95)),
        failures=busy,
        answer_ring_s=(float(rng.uniform(1.0, 6.0)), 0.5),
        duration_log=(float(rng.uniform(4.5, 5.6)), 0.9),
        give_up_s=(20.0, 180.0),
        callee_hangup_ratio=0.3,
        voicemail_ratio=0.0,
    )
    calls = scene.place(
        rng, behaviour, scene.add_group("hotline_caller"), start_s, caller, np.repeat(line, count)
    )
    place_redials(scene, rng, calls)


def _place_phone_in(scene: Scene, number: int) -> None:
    """A radio contest, a televote, tickets on sale: a storm on one line in which nobody is an attacker.

    It looks like TDoS to whoever only counts calls to a number. The callers are people with lives of
    their own, come from everywhere, and stop when they got through.
    """
    rng, world = scene.rng(f"phone-in {number}"), scene.world
    line = scene.book.add_random(1)
    count = int(min(np.exp(rng.uniform(np.log(40.0), np.log(1500.0))), 0.5 * len(scene.subscribers)))
    strangers = scene.book.add_random(
        max(1, int(count * float(rng.uniform(0.0, 1.0)))), outside_ratio=world.outside_ratio
    )
    caller = rng.choice(np.concatenate([strangers, scene.subscribers]), count, replace=False)
    begin_s = scene.start_s + float(rng.uniform(0.05, 0.9)) * scene.spec.duration_s
    rush_s = float(np.exp(rng.uniform(np.log(60.0), np.log(2400.0))))
    start_s: F64 = begin_s + np.sort(rng.exponential(rush_s, count))
    busy = {486: 0.7, 503: float(rng.uniform(0.0, 0.4)), 480: float(rng.uniform(0.0, 0.3)), 487: 0.05}
    behaviour = scene.behaviour(
        float(rng.uniform(0.05, 0.6)),
        failures=busy,
        answer_ring_s=(float(rng.uniform(0.5, 6.0)), 0.5),
        duration_log=(float(rng.uniform(2.3, 4.5)), float(rng.uniform(0.3, 0.9))),
        give_up_s=(8.0, 60.0),
        callee_hangup_ratio=float(rng.uniform(0.3, 0.95)),
        voicemail_ratio=0.0,
    )
    group = scene.add_group("phone_in_caller")
    redial_ratio = float(rng.uniform(0.3, 0.9))
    wait_s = float(np.exp(rng.uniform(np.log(3.0), np.log(120.0))))
    for _ in range(int(rng.integers(1, 12))):
        calls = scene.place(rng, behaviour, group, start_s, caller, np.full(len(caller), line))
        failed = np.isin(calls.status, (480, 486, 487, 503)) & (rng.random(len(calls)) < redial_ratio)
        again = calls.take(failed)
        if not len(again):
            break
        start_s = again.final_us / 1e6 + wait_s * rng.lognormal(0.0, 0.6, len(again))
        caller = again.caller


def _place_emergency(scene: Scene, number: int) -> None:
    rng = scene.rng(f"emergency {number}")
    line = scene.book.add_random(1)
    clock = scene.clock(FLAT_HOURS)
    count = int(rng.poisson(float(rng.uniform(5.0, 60.0)) * max(clock.days, 0.05)))
    start_s = clock.to_seconds(rng.random(count) * clock.days)
    behaviour = scene.behaviour(0.75, duration_log=(4.0, 0.8), give_up_s=(30.0, 60.0))
    callee = callees(scene, rng, count, rng.choice(scene.subscribers, 5), 0.0)
    group = scene.add_group("emergency_call_back")
    scene.place(rng, behaviour, group, start_s, np.repeat(line, count), callee, exemption=2)
