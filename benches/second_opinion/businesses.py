"""Legitimate businesses and machines that place many calls; some look like spam, which is their point."""

from __future__ import annotations

from .behaviour import Behaviour
from .parties import Party
from .people import Population
from .timing import END_S
from .trunks import TRUNKS
from .world import World, legitimate


def enterprises_call(world: World, population: Population) -> None:
    """Companies whose employees all show one number: partners, and two in five calls to strangers."""
    draws = world.draws
    behaviour = Behaviour(
        talk_log_s=(4.5, 1.15),
        ring_s=(27, 8, 8, 60),
        recognised=0.45,
        answer_shift=0.55,
        redial=0.2,
        called_back=0.12,
    )
    callees = population.businesses + population.persons[:2000]
    for company in population.enterprises:
        partners = [draws.choice(callees) for _ in range(60)]
        company.trunks = world.trunks.sample(draws.choice([1, 1, 2]))
        for time_s in world.timing.moments("business", world.calls_each(draws.lognormvariate(5.2, 0.45))):
            callee = draws.choice(partners if draws.random() < 0.6 else population.persons)
            world.call(time_s, company, callee.number, behaviour, legitimate("enterprise"))


def call_centres_call(world: World, population: Population) -> None:
    """Call centres with the callees' consent: patient ringing, well answered, the same person tried again."""
    draws = world.draws
    behaviour = Behaviour(
        talk_log_s=(4.6, 0.9), ring_s=(25, 2, 18, 32), recognised=0.45, answer_shift=0.6, redial=0.3,
        redial_log_s=(8.6, 0.5), called_back=0.12, callee_hangs_up=0.45, refused_soon=0.12,
    )  # fmt: skip
    for centre in population.call_centres:
        centre.trunks = world.trunks.sample(2)
        for time_s in world.timing.moments("selling", world.volume(draws.uniform(180, 560))):
            callee = draws.choice(population.persons).number
            world.call(time_s, centre, callee, behaviour, legitimate("call_centre_consent"))


def couriers_call(world: World, population: Population) -> None:
    """Couriers on tour: one stranger after another, who expect the parcel."""
    draws = world.draws
    behaviour = Behaviour(
        ring_s=(21, 6, 9, 40), talk_log_s=(3.0, 0.6), recognised=0.3, answer_shift=0.85, redial=0.3,
        redial_log_s=(4.6, 0.6), redials=1, called_back=0.3, callee_hangs_up=0.4,
    )  # fmt: skip
    for _ in range(world.count(64)):
        courier = world.at_work(world.plan.geographic(), "courier", 0.8, 0.8)
        time_s = world.timing.moment("business")
        area = [person for _ in range(3) for person in draws.choice(population.communities)]
        for _ in range(world.calls_each(draws.uniform(10, 48))):
            world.call(time_s, courier, draws.choice(area).number, behaviour, legitimate("courier"))
            time_s += 60 + draws.weibullvariate(380, 0.9)


def alert_blasts_call(world: World, population: Population) -> None:
    """Schools and authorities that warn hundreds of people within minutes, several calls a second."""
    draws = world.draws
    for _ in range(3):
        sender = world.service("alert_blast", trunks=world.trunks.sample(draws.choice([1, 2, 3])))
        count = world.volume(draws.uniform(420, 1150))
        calls_per_s, script_s = draws.uniform(1, 4.5), draws.uniform(18, 45)
        behaviour = Behaviour(
            ring_s=(30, 1, 25, 36), recognised=0.6, answer_shift=0.55, voicemail_listened=1.0,
            script_s=(script_s, 1.2), callee_hangs_up=0.35, talk_log_s=(2.8, 0.5), redial=0.75,
            redial_log_s=(6.4, 0.2), called_back=0.06,
        )  # fmt: skip
        time_s = min(world.timing.moment("home"), END_S - 5000)
        for callee in draws.sample(population.persons, count):
            world.call(time_s, sender, callee.number, behaviour, legitimate("alert_blast"))
            time_s += draws.expovariate(calls_per_s)


def reminders_call(world: World, population: Population) -> None:
    """Pharmacies and appointment desks: one announcement to strangers, one after the other, not at night."""
    _remind(world, population, population.pharmacies, "pharmacy_reminder", 125, "business", 22)
    _remind(world, population, population.appointment_desks, "appointment_reminder", 58, "evening", 30)


def _remind(
    world: World,
    population: Population,
    senders: list[Party],
    kind: str,
    mean_calls: float,
    profile: str,
    script_s: float,
) -> None:
    draws = world.draws
    volume = world.volume if kind == "pharmacy_reminder" else world.calls_each
    for sender in senders:
        behaviour = Behaviour(
            ring_s=(26, 1.5, 22, 30), recognised=0.5, answer_shift=0.5, voicemail_listened=1.0,
            script_s=(script_s + draws.gauss(0, 5), 2), callee_hangs_up=0.45, talk_log_s=(3.0, 0.6),
            redial=0.5, redial_log_s=(8.3, 0.3), redials=1, called_back=0.07,
        )  # fmt: skip
        time_s = world.timing.moment(profile)
        gap_s = draws.uniform(15, 140)
        for _ in range(volume(mean_calls * draws.uniform(0.6, 1.4))):
            hour = world.timing.hour_of_day(time_s)
            if hour > 20 or hour < 8:
                time_s += 1800
            world.call(time_s, sender, draws.choice(population.persons).number, behaviour, legitimate(kind))
            time_s += draws.expovariate(1 / gap_s)


def doctors_call(world: World, population: Population) -> None:
    """Patients call a practice that is often busy; it calls back, also with results."""
    draws = world.draws
    by_patient = Behaviour(redial=0.5, redial_log_s=(4.3, 0.7), redials=4)
    by_practice = Behaviour(
        ring_s=(28, 8, 12, 50), talk_log_s=(4.4, 0.8), recognised=0.6, answer_shift=0.4, redial=0.5,
        redial_log_s=(7.5, 0.5), redials=1, called_back=0.35,
    )  # fmt: skip
    patients = population.residential + population.elderly + population.quiet
    for practice in population.doctors:
        for time_s in world.timing.moments("business", world.calls_each(13)):
            patient = draws.choice(patients)
            patient.known.add(practice.number)
            world.call(time_s, patient, practice.number, by_patient, legitimate(patient.kind))
            if draws.random() < 0.85:
                later_s = time_s + draws.lognormvariate(8.3, 0.7)
                world.call(later_s, practice, patient.number, by_practice, legitimate("doctor_callback"))


def voicemail_platforms_call(world: World, population: Population) -> None:
    """Platforms that call the owner of a mailbox again and again until somebody picks up."""
    draws = world.draws
    behaviour = Behaviour(
        ring_s=(22, 1, 20, 24), recognised=0.85, answer_shift=0.2, voicemail_listened=0,
        detects_machines=True, talk_log_s=(3.4, 0.7), callee_hangs_up=0.85, redial=0.85,
        redial_log_s=(6.8, 0.1), redials=3, called_back=0.0,
    )  # fmt: skip
    for _ in range(3):
        platform = world.service("voicemail_notification")
        owners = draws.sample(population.persons, min(160, len(population.persons)))
        for time_s in world.timing.moments("home", world.volume(270)):
            callee = draws.choice(owners).number
            world.call(time_s, platform, callee, behaviour, legitimate("voicemail_notification"))


def faxes_call(world: World, population: Population) -> None:
    """Fax machines: regular partners, calls of even length, redialled by the machine; rarely a person."""
    draws = world.draws
    behaviour = Behaviour(
        ring_s=(45, 3, 30, 60), talk_log_s=(4.2, 0.45), callee_hangs_up=0.1, redial=0.9,
        redial_log_s=(5.2, 0.1), redials=3, called_back=0,
    )  # fmt: skip
    faxes = [world.service("fax", line="fax", capacity=1) for _ in range(world.count(90))]
    for fax in faxes[: world.count(42)]:
        partners, stranger = draws.sample(faxes, min(6, len(faxes))), draws.choice(population.persons)
        for time_s in world.timing.moments("business", world.calls_of_person(20)):
            callee = draws.choice(partners) if draws.random() < 0.97 else stranger
            world.call(time_s, fax, callee.number, behaviour, legitimate("fax"))


def probes_call(world: World) -> None:
    """Monitoring probes: a call to the next target every few minutes, day and night, some over all trunks."""
    draws = world.draws
    for _ in range(5):
        probe = world.service("monitoring_probe", line="probe")
        targets = [world.service("probe_target", line="probe").number for _ in range(draws.randint(1, 12))]
        if draws.random() < 0.5:
            targets.append(world.plan.geographic())
        every_s = draws.choice([180, 300, 300, 600, 900])
        period_s = every_s / world.size
        time_s = draws.uniform(0, period_s)
        behaviour = Behaviour(
            script_s=(draws.choice([2, 5, 10, 20]), 0.15), callee_hangs_up=0, talk_log_s=(1.5, 0.2), redial=0,
            called_back=0, ring_s=(20, 0.1, 19, 21),
        )  # fmt: skip
        number = 0
        while time_s < END_S:
            trunk = world.trunks.all[(number * 5 + 1) % TRUNKS] if every_s == 300 else None
            callee = targets[number % len(targets)]
            world.call(time_s, probe, callee, behaviour, legitimate("monitoring_probe"), trunk=trunk)
            number += 1
            time_s += period_s + draws.gauss(0, 0.4)


def survey_institutes_call(world: World, population: Population) -> None:
    """Survey institutes: random numbers, many refusals, long interviews."""
    draws = world.draws
    behaviour = Behaviour(
        ring_s=(28, 3, 20, 40), talk_log_s=(6.0, 0.5), refused_soon=0.55, answer_shift=0.25, redial=0.5,
        redial_log_s=(9.0, 0.4), called_back=0.07,
    )  # fmt: skip
    for _ in range(5):
        numbers = world.plan.direct_dial(draws.choice([1, 1, 2, 4]))
        callers = [world.party(n, "survey_institute", world.trunks.sample(2)) for n in numbers]
        for caller in callers:
            world.answering(caller, 20)
        for time_s in world.timing.moments("evening", world.volume(draws.uniform(110, 300))):
            caller, listed = draws.choice(callers), draws.random() < 0.86
            callee = draws.choice(population.persons).number if listed else world.plan.in_block()
            world.call(time_s, caller, callee, behaviour, legitimate("survey_institute"))


def taxis_call(world: World, population: Population) -> None:
    """Taxi dispatchers: "your car is outside", mostly to somebody who ordered it by telephone before."""
    draws = world.draws
    order = Behaviour(talk_log_s=(3.3, 0.4), callee_hangs_up=0.4)
    arrival = Behaviour(
        ring_s=(17, 5, 5, 35), talk_log_s=(2.5, 0.5), recognised=0.75, answer_shift=0.8, redial=0.4,
        redial_log_s=(3.6, 0.5), redials=1, called_back=0.35, callee_hangs_up=0.4,
    )  # fmt: skip
    for dispatcher in population.taxi_dispatchers:
        for time_s in world.timing.moments("taxi", world.calls_each(draws.uniform(40, 140))):
            customer = draws.choice(population.persons)
            if draws.random() < 0.6:
                earlier_s = time_s - draws.uniform(300, 1500)
                world.call(earlier_s, customer, dispatcher.number, order, legitimate(customer.kind))
            world.call(time_s, dispatcher, customer.number, arrival, legitimate("taxi_dispatch"))


def conferences_call(world: World, population: Population) -> None:
    """Conference services that dial out: all participants at once, and all leave together."""
    draws = world.draws
    callees = population.businesses + population.persons[:3000]
    for _ in range(6):
        service = world.service("conference_service")
        for _ in range(max(1, round(draws.randint(7, 18) * world.size))):
            begin_s = round(world.timing.moment("business") / 1800.0) * 1800.0 + draws.gauss(0, 12)
            length_s = draws.uniform(600, 3300)
            behaviour = Behaviour(
                script_s=(length_s, 12), talk_log_s=(6, 1), recognised=0.9, answer_shift=0.9,
                ring_s=(35, 3, 25, 45), voicemail_listened=0, callee_hangs_up=0.3, redial=0.5,
                redial_log_s=(4.0, 0.3), called_back=0.1,
            )  # fmt: skip
            for callee in [draws.choice(callees) for _ in range(draws.randint(3, 12))]:
                time_s = begin_s + draws.uniform(0, 15)
                world.call(time_s, service, callee.number, behaviour, legitimate("conference_service"))


def recruiters_call(world: World, population: Population) -> None:
    """Recruiters: always new people, long talks; the legitimate twin of a scam call centre."""
    draws = world.draws
    behaviour = Behaviour(
        talk_log_s=(5.4, 1.0), answer_shift=0.15, refused_soon=0.2, redial=0.25, called_back=0.25
    )
    for _ in range(world.count(34)):
        recruiter = world.at_work(world.plan.geographic(), "recruiter", 0.6, 0.7)
        for time_s in world.timing.moments("business", world.calls_of_person(13)):
            callee = draws.choice(population.persons).number
            world.call(time_s, recruiter, callee, behaviour, legitimate("recruiter"))


def gate_openers_call(world: World, population: Population) -> None:
    """Gates that open when a known number calls, and reject the call."""
    draws = world.draws
    behaviour = Behaviour(redial=0.1, ring_s=(12, 2, 6, 20))
    for gate in population.gates:
        users = draws.sample(population.persons, 14)
        for time_s in world.timing.moments("home", world.volume(45)):
            world.call(time_s, draws.choice(users), gate.number, behaviour, legitimate("gate_opener"))


def contest_callers_call(world: World, population: Population) -> None:
    """A radio contest: hundreds of people call six lines at once and redial; the legitimate twin of TDoS."""
    draws = world.draws
    behaviour = Behaviour(talk_log_s=(3.6, 0.7), redial=0.62, redial_log_s=(2.6, 0.6), redials=6)
    radio = world.service("radio", capacity=6)
    begin_s = world.timing.moment("home")
    for person in draws.sample(population.persons, world.count(330)):
        time_s = begin_s + draws.expovariate(1 / 240.0)
        world.call(time_s, person, radio.number, behaviour, legitimate("contest_line"))
