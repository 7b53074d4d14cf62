"""Components: how calls enter the operator's network."""

from __future__ import annotations

from collections.abc import Callable

from spit.worlds.drawn.calls import Entry, Shown
from spit.worlds.drawn.draws import chance, pick
from spit.worlds.drawn.equipment import Device, device, impersonated
from spit.worlds.drawn.network import Path, address
from spit.worlds.drawn.scene import Actor, Kind, World

Entrance = Callable[[World, Kind, Actor], Entry]
_SEVERAL = ("wholesale", "wholesale", "cloud", "peer", "foreign", "enterprise")


def _gateways(world: World, path: Path) -> Entry:
    """One way in; the trunk's gateways share its load."""
    trunk = path.trunk
    if trunk is None or len(trunk.gateways) == 1:
        return lambda _: path
    return lambda _: path._replace(source_ip=pick(world.rng, trunk.gateways))


def registration(_world: World, _kind: Kind, actor: Actor) -> Entry:
    """The person's own access, at this operator or at another."""
    return lambda _: actor.line.path


def over(role: str) -> Entrance:
    """One trunk of a role."""

    def entrance(world: World, kind: Kind, _actor: Actor) -> Entry:
        return _gateways(world, world.network.path(world.rng, role, device(world.rng, kind.equipment)))

    return entrance


def direct(world: World, kind: Kind, _actor: Actor) -> Entry:
    """A firm or machine registered at this operator from its own address."""
    path = world.network.registered(world.rng, device(world.rng, kind.equipment))
    return lambda _: path


def in_turn(world: World, kind: Kind, _actor: Actor) -> Entry:
    """Several trunks, customers and sometimes installations side by side, as least-cost routing does."""
    rng = world.rng
    shared = device(rng, kind.equipment)
    ways: list[Entry] = []
    for _ in range(int(rng.integers(2, 9))):
        equipment = device(rng, kind.equipment) if chance(rng, 0.3) else shared
        ways.append(_gateways(world, world.network.path(rng, pick(rng, _SEVERAL), equipment)))
    return lambda shown: pick(rng, ways)(shown)


def per_number(world: World, kind: Kind, _actor: Actor) -> Entry:
    """Every number has its way in, as SIM cards and rented numbers do."""
    rng = world.rng
    role = pick(rng, ("peer", "cloud", "wholesale"))
    equipment = [device(rng, kind.equipment) for _ in range(int(rng.integers(1, 6)))]
    paths: dict[str, Path] = {}

    def entry(shown: Shown) -> Path:
        if shown.number not in paths:
            paths[shown.number] = world.network.path(rng, role, pick(rng, equipment))
        return paths[shown.number]

    return entry


def best_signed(world: World, kind: Kind, _actor: Actor) -> Entry:
    """Trunks picked for the attestation they give to numbers nobody checked."""
    trunks = [trunk for role in _SEVERAL[1:] for trunk in world.network.trunks[role]]
    offers = [(trunk, provider) for trunk in trunks for provider in trunk.providers]
    offers.sort(key=lambda offer: -offer[1].signs * offer[1].careless)
    equipment = device(world.rng, kind.equipment)
    paths = [
        Path(
            trunk,
            provider,
            pick(world.rng, provider.groups),
            pick(world.rng, trunk.gateways),
            trunk.transport,
            equipment,
        )
        for trunk, provider in offers[: int(world.rng.integers(1, 5))]
    ]
    return lambda _: pick(world.rng, paths)


def taken_over(world: World, _kind: Kind, _actor: Actor) -> Entry:
    """Stolen accounts: used from elsewhere with other software, or through the victim's own device."""
    rng = world.rng
    through_victim = chance(rng, 0.35)
    hides = chance(rng, 0.5)
    addresses = [address(rng) for _ in range(int(rng.integers(1, 12)))]
    software: Device = device(rng, pick(rng, ("soft", "tool", "dialler", "pbx")))
    agents = impersonated(rng, software) if hides else software

    def entry(shown: Shown) -> Path:
        line = world.directory.get(shown.number)
        path = line.path if line is not None else world.network.registered(rng, agents)
        return path if through_victim else path._replace(source_ip=pick(rng, addresses), device=agents)

    return entry


ENTRY: dict[str, Entrance] = {
    "registration": registration,
    "direct": direct,
    "peer": over("peer"),
    "enterprise": over("enterprise"),
    "cloud": over("cloud"),
    "wholesale": over("wholesale"),
    "foreign": over("foreign"),
    "in-turn": in_turn,
    "per-number": per_number,
    "best-signed": best_signed,
    "taken-over": taken_over,
}
