"""Senders other than people: which trunk, equipment and numbers a firm or scheme uses."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate

from spit.worlds.lives.answering import Party
from spit.worlds.lives.draws import Rng, around, chance, early_heavy, identifier, pick
from spit.worlds.lives.equipment import Equipment
from spit.worlds.lives.exchange import World
from spit.worlds.lives.network import Origin, Trunk, address
from spit.worlds.lives.numbering import foreign_number

Presenter = Callable[[str], Origin]


@dataclass(slots=True)
class Sender:
    """A customer of some provider: one or several trunks (none: registered directly) and its machine."""

    rng: Rng
    trunks: list[Trunk]
    source: str
    equipment: Equipment
    customer: str
    main_number: str

    def showing(
        self, number: str, *, entitled: bool = True, known: bool = True, withheld: bool = False
    ) -> Origin:
        """A call of this sender that presents the given number."""
        trunk = self.trunks[early_heavy(self.rng, len(self.trunks), 1.5)] if self.trunks else None
        return Origin(
            number,
            self.main_number,
            trunk,
            self.source,
            self.equipment,
            self.customer,
            entitled=entitled,
            known_customer=known,
            withheld=withheld,
        )


def draw_sender(world: World, equipment: str, trunk_kinds: tuple[str, ...], trunk_count: int = 1) -> Sender:
    """A sender with its own customer record; "registered" among the kinds means no trunk at all."""
    rng = world.rng
    trunks: list[Trunk] = []
    kind = pick(rng, trunk_kinds)
    if kind != "registered":
        found = world.network.of_kind(*(k for k in trunk_kinds if k != "registered"))
        trunks = [found[early_heavy(rng, len(found), 1.2)] for _ in range(trunk_count)]
    return Sender(
        rng, trunks, address(rng), world.network.catalogue.draw(rng, equipment), identifier(rng), ""
    )


def numbers_for(
    world: World, sender: Sender, count: int, use: str = "fixed", scattered: bool = False
) -> list[str]:
    """Numbers the sender rents: the operator's own for its customers, foreign ones over transit.

    scattered numbers come from many blocks, as resellers hand them out; others are consecutive.
    """
    rng = world.rng
    kind = sender.trunks[0].kind if sender.trunks else "registered"
    own = kind in ("enterprise", "registered") or (kind == "sip_provider" and rng.random() < 0.5)
    if kind == "transit" and rng.random() < 0.4:
        numbers = [foreign_number(rng, world.plan.country.code) for _ in range(count)]
    elif own and not scattered:
        numbers = world.plan.allocate_range(rng, use, count)
    elif own:
        numbers = [world.plan.allocate(rng, use) for _ in range(count)]
    else:
        first = world.plan.elsewhere(rng, use)
        width = max(2, len(str(count)))
        head, start = first[:-width], int(first[-width:])
        consecutive = [f"{head}{(start + i) % 10**width:0{width}d}" for i in range(count)]
        numbers = [world.plan.elsewhere(rng, use) for _ in range(count)] if scattered else consecutive
    sender.main_number = numbers[0]
    return numbers


def own_up(world: World, numbers: list[str], party: Party) -> None:
    """Let calls to these numbers reach the party."""
    for number in numbers:
        world.parties[number] = party


def always(origin: Origin) -> Presenter:
    """Every call presents the same origin."""
    return lambda _callee: origin


def shared_out(rng: Rng, origins: list[Origin]) -> Presenter:
    """Spread calls over the origins: strictly in turn, or as agents and queues happen to use them."""
    if len(origins) > 1 and chance(rng, 0.6):
        marks = list(accumulate(around(rng, 1.0, 0.8) for _ in origins))
        return lambda _callee: origins[bisect(marks, float(rng.random()) * marks[-1], hi=len(marks) - 1)]
    return in_turn(origins)


def in_turn(origins: list[Origin]) -> Presenter:
    """Go round the origins one after the other."""
    state = {"next": -1}

    def present(_callee: str) -> Origin:
        state["next"] = (state["next"] + 1) % len(origins)
        return origins[state["next"]]

    return present


def nearest(origins: list[Origin]) -> Presenter:
    """Present the number that shares the longest prefix with the callee (local presence)."""

    def shared(one: str, other: str) -> int:
        length = 0
        for a, b in zip(one, other, strict=False):
            if a != b:
                break
            length += 1
        return length

    def present(callee: str) -> Origin:
        return max(origins, key=lambda origin: shared(origin.presented, callee))

    return present
