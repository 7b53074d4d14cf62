"""The people of a simulation, whom they know, and what they call each other for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .behaviour import ELDERLY, FLASH, HOME, TEENAGER, Behaviour
from .parties import Party
from .world import World, legitimate

_COMMUNITY = 34


@dataclass(slots=True)
class Population:
    """Everybody who lives here. ``persons``: all of them, in the order of their communities.

    ``quiet``: those who hardly call at all. ``businesses``: services that people call. ``spoofed``:
    numbers of people that a campaign shows as its own.
    """

    residential: list[Party]
    teenagers: list[Party]
    elderly: list[Party]
    small_businesses: list[Party]
    new_subscribers: list[Party]
    quiet: list[Party]
    persons: list[Party]
    doctors: list[Party]
    pharmacies: list[Party]
    appointment_desks: list[Party]
    taxi_dispatchers: list[Party]
    enterprises: list[Party]
    call_centres: list[Party]
    hotlines: list[Party]
    gates: list[Party]
    businesses: list[Party]
    communities: list[list[Party]]
    contacts: dict[str, list[Party]]
    spoofed: set[str]


def populate(world: World) -> Population:
    """Make the people and the businesses that they call, and let them know each other."""
    draws = world.draws

    def crowd(kind: str, full: int) -> list[Party]:
        return [world.person(kind) for _ in range(world.count(full))]

    residential, teenagers = crowd("residential", 3100), crowd("teenager", 380)
    elderly, small_businesses = crowd("elderly", 560), crowd("small_business", 270)
    new_subscribers, quiet = crowd("new_subscriber", 300), crowd("residential", 9600)
    persons = residential + teenagers + elderly + small_businesses + new_subscribers + quiet
    draws.shuffle(persons)

    def services(kind: str, full: int, capacity: int = 30, line: str = "ivr") -> list[Party]:
        return [world.service(kind, capacity=capacity, line=line) for _ in range(full)]

    doctors = [world.service("doctor_callback", capacity=draws.randint(1, 3)) for _ in range(world.count(55))]
    pharmacies = services("pharmacy_reminder", 8)
    appointment_desks = services("appointment_reminder", world.count(12))
    taxi_dispatchers = services("taxi_dispatch", world.count(15), 12)
    enterprises = services("enterprise", world.count(14), 40)
    call_centres = services("call_centre_consent", 6)
    hotlines = services("hotline", world.count(20), 60)
    gates = services("gate", 8, 3, "gate")
    businesses = doctors + pharmacies + appointment_desks + taxi_dispatchers + enterprises + hotlines
    population = Population(
        residential=residential,
        teenagers=teenagers,
        elderly=elderly,
        small_businesses=small_businesses,
        new_subscribers=new_subscribers,
        quiet=quiet,
        persons=persons,
        doctors=doctors,
        pharmacies=pharmacies,
        appointment_desks=appointment_desks,
        taxi_dispatchers=taxi_dispatchers,
        enterprises=enterprises,
        call_centres=call_centres,
        hotlines=hotlines,
        gates=gates,
        businesses=businesses + small_businesses,
        communities=[persons[i : i + _COMMUNITY] for i in range(0, len(persons), _COMMUNITY)],
        contacts={},
        spoofed=set(),
    )
    _acquaint(world, population)
    return population


def _acquaint(world: World, population: Population) -> None:
    """Contacts are mostly inside one's own community, which has a few popular members; most are mutual."""
    draws = world.draws
    for community in population.communities:
        popularity = [1 / (1 + i) ** 0.6 for i in range(len(community))]
        for person in community:
            count = 3 + draws.poisson(5 if person.kind != "elderly" else 2)
            contacts = [c for c in draws.choices(community, popularity, k=count) if c is not person]
            contacts = contacts or [draws.choice(population.persons)]
            contacts += [draws.choice(population.persons) for _ in range(draws.poisson(0.8))]
            contacts += [draws.choice(population.businesses) for _ in range(draws.poisson(1.0))]
            population.contacts[person.number] = contacts
            for contact in contacts:
                contact.known.add(person.number)
                if draws.random() < 0.85:
                    person.known.add(contact.number)


def people_call(world: World, population: Population) -> None:
    """Residential callers, teenagers, elderly people, and those who hardly ever call."""
    _social(world, population, population.residential, "home", 4.3, HOME, 0.25)
    _social(world, population, population.teenagers, "teen", 7, TEENAGER, 0.07)
    _social(world, population, population.elderly, "old", 2.8, ELDERLY, 0.15)
    for person in world.draws.sample(population.quiet, world.count(2200)):
        time_s = world.timing.moment("home")
        callee = _favourite(world, population.contacts[person.number])
        world.call(time_s, person, world.plan.misdialled(callee.number), HOME, legitimate("residential"))


def _favourite(world: World, contacts: Sequence[Party]) -> Party:
    return contacts[min(len(contacts) - 1, int(len(contacts) * world.draws.random() ** 2.0))]


def _social(
    world: World,
    population: Population,
    callers: Sequence[Party],
    profile: str,
    mean_calls: float,
    behaviour: Behaviour,
    to_strangers: float,
) -> None:
    """Calls to contacts, a share ``to_strangers`` to businesses and people not called before, some abroad."""
    draws = world.draws
    for person in callers:
        contacts = population.contacts[person.number]
        for time_s in world.timing.sessions(profile, world.calls_of_person(mean_calls)):
            chance = draws.random()
            if chance > to_strangers:
                callee = _favourite(world, contacts).number
            else:
                known = population.businesses if chance < to_strangers * 0.6 else population.persons
                callee = draws.choice(known).number
            if draws.random() < 0.03:
                callee = world.plan.foreign()
            callee = world.plan.misdialled(callee)
            flash = person.kind == "teenager" and draws.random() < 0.06
            world.call(time_s, person, callee, FLASH if flash else behaviour, legitimate(person.kind))


def small_businesses_call(world: World, population: Population) -> None:
    """Own customers, and nearly half of the calls to people who have not been called before."""
    draws = world.draws
    behaviour = Behaviour(
        talk_log_s=(4.3, 1.1),
        ring_s=(26, 7, 10, 50),
        recognised=0.35,
        answer_shift=0.5,
        redial=0.3,
        called_back=0.2,
    )
    for business in population.small_businesses:
        customers = [draws.choice(population.persons) for _ in range(8)]
        customers += [draws.choice(population.businesses) for _ in range(3)]
        for customer in customers:
            customer.known.add(business.number)
        for time_s in world.timing.sessions("business", world.calls_of_person(12)):
            callee = draws.choice(customers if draws.random() < 0.6 else population.persons)
            number = world.plan.misdialled(callee.number)
            world.call(time_s, business, number, behaviour, legitimate("small_business"))


def new_subscribers_call(world: World, population: Population) -> None:
    """Numbers that appear during the day: nobody knows them yet, a burst of trying things out."""
    draws = world.draws
    behaviour = Behaviour(answer_shift=0.35, called_back=0.2)
    for person in population.new_subscribers:
        time_s = world.timing.moment("business")
        for _ in range(1 + draws.poisson(2.6)):
            contact = _favourite(world, population.contacts[person.number])
            if draws.random() < 0.75:
                contact.known.discard(person.number)
            later_s = time_s + draws.expovariate(1 / 2400.0)
            callee = contact if draws.random() < 0.75 else draws.choice(population.hotlines)
            world.call(later_s, person, callee.number, behaviour, legitimate("new_subscriber"))


def travellers_call(world: World, population: Population) -> None:
    """Travellers and relatives abroad, through the shared international gateways."""
    draws = world.draws
    behaviour = Behaviour(talk_log_s=(4.6, 1.2), called_back=0.12)
    for _ in range(world.count(270)):
        number = world.plan.foreign()
        trunk = draws.choice(world.trunks.international) if draws.random() < 0.8 else world.trunks.any()
        traveller = world.reachable(world.party(number, "traveller", [trunk]), 0.4, 0.75)
        community = draws.choice(population.communities)
        contacts = draws.sample(community, min(3, len(community)))
        for contact in contacts[:2]:
            contact.known.add(traveller.number)
        for time_s in world.timing.sessions("home", draws.overdispersed(2.8)):
            world.call(time_s, traveller, draws.choice(contacts).number, behaviour, legitimate("traveller"))
