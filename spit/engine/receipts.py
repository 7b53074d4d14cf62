"""Which numbered batches of which agent have been applied, so that a repeated one is applied once."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from spit.errors import InputError, SpitError

#: Numbers below the highest one of an agent that are remembered one by one.
WINDOW = 1_024
MAX_AGENTS = 10_000

_VERSION = 1
_MASK = (1 << WINDOW) - 1


class StaleBatchError(SpitError):
    """A numbered batch lies so far below the agent's highest that nobody knows whether it was applied."""


class Receipts:
    """Per agent the highest batch number applied and a window below it. Not thread-safe.

    At most ``max_agents``; the one that was not heard of for longest is forgotten first, and counted.
    """

    def __init__(self, *, max_agents: int = MAX_AGENTS) -> None:
        self._max_agents = max_agents
        self._agents: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._evicted = 0

    def __len__(self) -> int:
        return len(self._agents)

    @property
    def evicted(self) -> int:
        """Agents forgotten because there were too many."""
        return self._evicted

    def is_applied(self, agent: str, number: int) -> bool:
        """Whether the batch was applied.

        Raises StaleBatchError where it lies too far below the highest one to be known.
        """
        if agent not in self._agents:
            return False
        highest, window = self._agents[agent]
        below = highest - number
        if below < 0:
            return False
        if below >= WINDOW:
            raise StaleBatchError(
                f"expected a batch number near or above {highest}, the highest of agent {agent}, "
                f"found {number}: does another agent use this id?"
            )
        return bool(window >> below & 1)

    def add(self, agent: str, number: int) -> None:
        """The batch has been applied."""
        highest, window = self._agents.pop(agent, (number, 0))
        if number > highest:
            rise = number - highest
            window = window << rise & _MASK if rise < WINDOW else 0
            highest = number
        self._agents[agent] = (highest, window | 1 << highest - number)
        while len(self._agents) > self._max_agents:
            self._agents.popitem(last=False)
            self._evicted += 1

    def state(self) -> dict[str, Any]:
        """For JSON; agents from the one not heard of for longest on."""
        agents = [[agent, highest, f"{window:x}"] for agent, (highest, window) in self._agents.items()]
        return {"version": _VERSION, "agents": agents}

    def restore(self, state: object) -> None:
        """Replace everything by what ``state`` gave; None (saved before there were receipts) is no agent.

        Raises InputError.
        """
        agents: OrderedDict[str, tuple[int, int]] = OrderedDict()
        if state is not None:
            if not isinstance(state, dict) or state.get("version") != _VERSION:
                raise InputError(f"receipts: expected version {_VERSION}, found {str(state)[:80]}")
            try:
                for agent, highest, window in state["agents"]:
                    if not re.fullmatch(r"[0-9a-f]{1,256}", window) or highest < 0:
                        raise ValueError(f"{agent}: {highest} {window}")
                    agents[str(agent)] = (int(highest), int(window, 16))
            except (KeyError, TypeError, ValueError) as error:
                raise InputError(f"receipts: expected agent, number and window, found {error}") from None
        self._agents = agents
        while len(self._agents) > self._max_agents:
            self._agents.popitem(last=False)
        self._evicted = 0
