"""Who knows whom."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from spit.simulate.network import EXCHANGE_SIZE, I64
from spit.simulate.scene import Scene

MAX_CONTACTS = 24


def contact_graph(scene: Scene, rng: np.random.Generator, people: int) -> tuple[I64, I64]:
    """Contacts of each person as rows of subscribers' positions, favourites first, and how many are valid."""
    subscribers, world = len(scene.subscribers), scene.world
    near = _neighbours(scene) if world.local_ratio else None
    wanted = np.clip(
        np.round(rng.lognormal(np.log(world.contacts_median), 0.6, people)), 3, MAX_CONTACTS
    ).astype(np.int64)
    lists: list[dict[int, None]] = [{} for _ in range(people)]
    for person in range(people):
        for other in rng.integers(subscribers, size=int(wanted[person])).tolist():
            # Half of the contacts are callers too, and three in four of those call back.
            contact = other % people if rng.random() < 0.5 else other
            if near is not None and rng.random() < world.local_ratio:
                contact = near(person, other)
            if contact == person:
                continue
            lists[person][contact] = None
            if contact < people and rng.random() < 0.75:
                lists[contact][person] = None
    table = np.zeros((people, MAX_CONTACTS), dtype=np.int64)
    count = np.ones(people, dtype=np.int64)
    for person, found in enumerate(lists):
        row = list(found)[:MAX_CONTACTS] or [(person + 1) % subscribers]
        table[person, : len(row)] = row
        count[person] = len(row)
    return table, count


def _neighbours(scene: Scene) -> Callable[[int, int], int]:
    """Gives the position of a subscriber in the exchange of another, by any whole number."""
    numbers = scene.book.numbers()[scene.subscribers] // EXCHANGE_SIZE
    order = np.argsort(numbers, kind="stable")
    exchanges, first, size = np.unique(numbers[order], return_index=True, return_counts=True)
    at = np.searchsorted(exchanges, numbers)
    begin, length = first[at].tolist(), size[at].tolist()
    members = order.tolist()

    def near(person: int, any_number: int) -> int:
        return int(members[begin[person] + any_number % length[person]])

    return near
