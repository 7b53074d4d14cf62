"""Runs a simulation: intents become calls, calls become messages and new intents, messages become frames."""

from __future__ import annotations

import bisect
import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from . import businesses, people
from .behaviour import CALL_BACK
from .callees import ANSWERED, Outcome, outcome_of
from .campaign_kinds import campaigns_call
from .dialogs import LegMessages, make_plan, options_ping
from .frames import Mirror, PcapWriter
from .legs import make_legs
from .parties import Party
from .people import Population
from .timing import END_S
from .trunks import Connection, Trunk
from .world import Intent, Label, World, legitimate

LABEL_COLUMNS = ("call_id", "label", "campaign", "kind", "strength")
_PING_PERIOD_S = 290
#: Frames are written after so many intents; what is written is past.
_INTENTS_PER_WRITE = 400


@dataclass(slots=True)
class Summary:
    """What was simulated. Counters by (kind, strength); ``callers`` by kind."""

    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    callers: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    spam_calls: int = 0
    call_ids: int = 0
    frames: int = 0


def simulate(seed: int, capture: Path, labels: Path, size: float = 1.0) -> Summary:
    """Simulate 30 hours; write a pcap file and, per Call-ID, the labels. Raises ValueError, OSError.

    ``size``: 1 is some 60,000 calls, less is fewer people and services. Labels are CSV with LABEL_COLUMNS.
    """
    world = World(seed, size)
    population = people.populate(world)
    _plan_legitimate_calls(world, population)
    campaigns_call(world, population)
    with PcapWriter(capture, world.timing.start_s) as writer:
        running = _Running(world, population, writer)
        running.run()
    with labels.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(LABEL_COLUMNS)
        table.writerows((call_id, *label) for call_id, label in running.labels.items())
    summary = running.summary
    summary.call_ids, summary.frames = len(running.labels), writer.frames
    return summary


def _plan_legitimate_calls(world: World, population: Population) -> None:
    """The 23 legitimate kinds but callback storms, in the order in which they are drawn."""
    people.people_call(world, population)
    people.small_businesses_call(world, population)
    people.new_subscribers_call(world, population)
    businesses.enterprises_call(world, population)
    businesses.call_centres_call(world, population)
    businesses.couriers_call(world, population)
    businesses.alert_blasts_call(world, population)
    businesses.reminders_call(world, population)
    businesses.doctors_call(world, population)
    businesses.voicemail_platforms_call(world, population)
    businesses.faxes_call(world, population)
    businesses.probes_call(world)
    people.travellers_call(world, population)
    businesses.survey_institutes_call(world, population)
    businesses.taxis_call(world, population)
    businesses.conferences_call(world, population)
    businesses.recruiters_call(world, population)
    businesses.gate_openers_call(world, population)
    businesses.contest_callers_call(world, population)


class _Running:
    """The state of a running simulation. ``labels``: by Call-ID, in the order of their calls."""

    def __init__(self, world: World, population: Population, writer: PcapWriter) -> None:
        self.labels: dict[str, Label] = {}
        self.summary = Summary()
        self._world, self._population, self._draws = world, population, world.draws
        self._mirror = Mirror(world.draws, writer)
        #: Messages not written yet: time, number (so that none are equal), connection, direction, bytes.
        self._pending: list[tuple[float, int, Connection, int, bytes]] = []
        self._messages = 0
        self._pings = [(world.draws.uniform(0, 280), trunk) for trunk in world.trunks.all]
        self._ping_rounds, self._next_pings_s = 0, 5.0

    def run(self) -> None:
        intents = 0
        while intent := self._world.next_intent():
            self._ping_until(intent.time_s)
            intents += 1
            if intents % _INTENTS_PER_WRITE == 0:
                self._write_until(intent.time_s)
            trunk = intent.trunk or self._draws.choice(intent.caller.trunks)
            callee = self._world.directory.get(intent.callee)
            outcome = outcome_of(self._world, intent, callee)
            self._render(intent, trunk, outcome)
            self._count(intent, outcome)
            self._react(intent, trunk, callee, outcome)
        self._write_until(END_S + 9)

    def _render(self, intent: Intent, trunk: Trunk, outcome: Outcome) -> None:
        legs = make_legs(
            self._world, trunk, intent.caller, intent.callee, intent.time_s, self._population.persons
        )
        plan = make_plan(self._draws, trunk, intent.time_s, outcome)
        for leg in legs:
            self.labels[leg.call_id] = intent.label
            LegMessages(self._draws, trunk, leg, plan, self._send).write(outcome)

    def _react(self, intent: Intent, trunk: Trunk, callee: Party | None, outcome: Outcome) -> None:
        """Become acquainted, try again, call back. Nobody redials a number that is nobody's."""
        world, draws, behaviour, label = self._world, self._draws, intent.behaviour, intent.label
        end_s = intent.time_s + outcome.after_s + outcome.talk_s
        if callee is not None and outcome.talked and outcome.talk_s > 18 and not label.spam:
            callee.known.add(intent.caller.number)
            intent.caller.known.add(intent.callee)
        may_redial = not outcome.reached and intent.redials < behaviour.redials
        if may_redial and draws.random() < behaviour.redial and callee is not None:
            again_s = end_s + 3 + draws.lognormvariate(*behaviour.redial_log_s)
            world.call(again_s, intent.caller, intent.callee, behaviour, label, redials=intent.redials + 1)
        hidden = intent.caller.anonymous and trunk.asserts_identity
        if callee is not None and outcome.missed and callee.line == "person" and not hidden:
            share = max(behaviour.called_back, 0.2 if outcome.knew and not label.spam else 0)
            if draws.random() < share:
                number = intent.caller.number
                storm = label.kind == "victim_spoof" and number in self._population.spoofed
                kind = "callback_storm" if storm else callee.kind
                back_s = end_s + 20 + draws.lognormvariate(6.3, 1.3)
                world.call(back_s, callee, number, CALL_BACK, legitimate(kind), redials=1)

    def _count(self, intent: Intent, outcome: Outcome) -> None:
        key = (intent.label.kind, intent.label.strength)
        self.summary.calls[key] += 1
        self.summary.spam_calls += intent.label.spam
        self.summary.answered[key] += outcome.ended == ANSWERED
        self.summary.callers[intent.label.kind].add(intent.caller.number)

    def _send(self, time_s: float, connection: Connection, direction: int, message: bytes) -> None:
        self._messages += 1
        self._pending.append((time_s, self._messages, connection, direction, message))

    def _ping_until(self, time_s: float) -> None:
        while self._next_pings_s < time_s:
            for offset_s, trunk in self._pings:
                options_ping(self._draws, trunk, self._ping_rounds, self._next_pings_s + offset_s, self._send)
            self._next_pings_s += _PING_PERIOD_S
            self._ping_rounds += 1

    def _write_until(self, time_s: float) -> None:
        """Write what passes before this moment and the end of the capture."""
        self._pending.sort()
        past = bisect.bisect_left(self._pending, time_s, key=lambda message: message[0])
        for sent_s, _, connection, direction, message in self._pending[:past]:
            if sent_s >= END_S:
                break
            self._mirror.send(sent_s, connection, direction, message)
        del self._pending[:past]
