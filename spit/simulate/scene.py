"""The scene that populations and campaigns place their calls on."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from spit.simulate.behaviour import ORDINARY_FAILURES, Behaviour, Traits, draw_calls, draw_messages
from spit.simulate.columns import MEDIA, CallColumns, Mask
from spit.simulate.network import DEFAULT_NETWORK, F64, I64, draw_network
from spit.simulate.parties import PartyBook
from spit.simulate.plan import Group, Parties, Plan
from spit.simulate.spec import SimulationSpec
from spit.simulate.timing import DailyClock, shifted_hours

#: Subscribers that can be called, per residential caller: most people receive more than they call.
SUBSCRIBERS_PER_CALLER = 3
MIN_SUBSCRIBERS = 300
#: Blocks of other carriers, per block in use at home.
OUTSIDE_BLOCKS_RATIO = 3


class Scene:
    """Collects placed calls, and holds what populations and campaigns share: network, book, subscribers."""

    def __init__(self, spec: SimulationSpec) -> None:
        self.spec = spec
        self.world = spec.world
        self.network = draw_network(self.rng("network"), spec.trunks) if spec.trunks else DEFAULT_NETWORK
        self.start_s = float(spec.start_time_s)
        self.end_s = float(spec.start_time_s + spec.duration_s)
        self.book = PartyBook(self.rng("parties"), self.network, self.world)
        people = spec.people
        # Somebody must be there whom the callers of other carriers call.
        count = max(MIN_SUBSCRIBERS, people * SUBSCRIBERS_PER_CALLER, spec.visitors // 2)
        self.book.open_blocks(count)
        #: Indices of parties; the residential callers are the first of them.
        self.subscribers: I64 = self.book.add_random(count)
        if self.world.outside_ratio:
            self.book.open_outside(len(self.book.blocks) * OUTSIDE_BLOCKS_RATIO)
        #: Weights of the final responses of unanswered calls, as this network gives them.
        self.failures = self._failures()
        self.parts: list[CallColumns] = []
        self._groups: list[Group] = []
        self._traits_rng = self.rng("traits")
        self._weights: F64 = np.array(self.network.weights)

    def rng(self, name: str) -> np.random.Generator:
        """A stream of its own per name, so that adding a campaign leaves the other draws as they were."""
        return np.random.default_rng([self.spec.seed, zlib.crc32(name.encode())])

    def clock(self, hours: tuple[float, ...]) -> DailyClock:
        """Operational time of the capture under a daily profile, shifted and flattened as the world is."""
        hours = shifted_hours(hours, self.world.rhythm_shift_h, self.world.rhythm_flat_ratio)
        return DailyClock(hours, self.start_s, self.spec.duration_s)

    def behaviour(self, answer_ratio: float, **other: Any) -> Behaviour:
        """A Behaviour whose unnamed parameters are those of people in this world."""
        world = self.world
        defaults: dict[str, Any] = {
            "failures": self.failures,
            "duration_log": (world.conversation_mu, world.conversation_sigma),
            "answer_ring_s": (world.answer_ring_s, 0.55),
            "give_up_s": (15.0 * world.patience_ratio, 40.0 * world.patience_ratio),
            "callee_hangup_ratio": world.callee_hangup_ratio,
            "voicemail_ratio": world.voicemail_ratio,
        }
        return Behaviour(answer_ratio, **{**defaults, **other})

    def add_group(self, name: str, *, spam: bool = False, kind: str = "", strength: str = "") -> int:
        """Index of a group of calls; the same name gives the same index."""
        group = Group(name, spam, kind or name, strength)
        if group not in self._groups:
            self._groups.append(group)
        return self._groups.index(group)

    def placed_calls(self) -> int:
        """Calls placed so far."""
        return sum(len(part) for part in self.parts)

    def place(
        self,
        rng: np.random.Generator,
        behaviour: Behaviour,
        group: int,
        start_s: F64,
        caller: I64,
        callee: I64,
        *,
        answer_ratio: F64 | None = None,
        not_found: Mask | None = None,
        trunk: I64 | None = None,
        attestation: I64 | None = None,
        diverter: I64 | None = None,
        media: int | None = None,
        exemption: int = 0,
        message: bool = False,
    ) -> CallColumns:
        """Draws and keeps the calls that start within the capture and do not call the caller himself.

        A call takes its caller's trunk, now and then another, unless ``trunk`` names it; the signature and
        the equipment are the caller's too. ``diverter``: parties, -1 where nobody forwards. ``message``: SIP
        MESSAGE requests; ``behaviour`` then has no say but for ``not_found``.
        """
        rows = np.flatnonzero((start_s >= self.start_s) & (start_s < self.end_s) & (caller != callee))
        caller, callee = caller[rows], callee[rows]
        if trunk is None:
            other = rng.choice(len(self._weights), len(rows), p=self._weights)
            stays = rng.random(len(rows)) >= self.world.other_trunk_ratio
            trunk = np.where(stays, self.book.column("trunk")[caller], other).astype(np.int64)
        else:
            trunk = trunk[rows]
        common: dict[str, Any] = {
            "group": group,
            "start_s": start_s[rows],
            "caller": caller,
            "callee": callee,
            "trunk": trunk,
            "network": self.network,
            "traits": self._traits(
                caller,
                trunk,
                None if attestation is None else attestation[rows],
                None if diverter is None else diverter[rows],
                media,
                exemption,
                message,
            ),
        }
        missing = None if not_found is None else not_found[rows]
        if message:
            missing = np.zeros(len(rows), dtype=np.bool_) if missing is None else missing
            calls = draw_messages(rng, not_found=missing, **common)
        else:
            calls = draw_calls(
                rng,
                behaviour,
                world=self.world,
                answer_ratio=None if answer_ratio is None else answer_ratio[rows],
                not_found=missing,
                **common,
            )
        self.parts.append(calls)
        return calls

    def finish(self) -> Plan:
        """The plan of everything placed, in order of the first INVITE."""
        if not self.parts:
            nobody = np.empty(0, dtype=np.int64)
            self.place(self.rng("none"), Behaviour(0.5), 0, np.empty(0), nobody, nobody)
        calls = CallColumns.concatenate(self.parts)
        self.parts = []
        return Plan(
            calls=calls.take(np.argsort(calls.invite_us, kind="stable")),
            groups=tuple(self._groups),
            parties=Parties(self.book.numbers(), self.book.column("display")),
            network=self.network,
            start_us=self.spec.start_time_s * 1_000_000,
            end_us=(self.spec.start_time_s + self.spec.duration_s) * 1_000_000,
        )

    def _traits(
        self,
        caller: I64,
        trunk: I64,
        attestation: I64 | None,
        diverter: I64 | None,
        media: int | None,
        exemption: int,
        message: bool,
    ) -> Traits:
        # A stream of its own: networks without these traits draw nothing.
        rng, count = self._traits_rng, len(caller)
        proxied = np.zeros(count, dtype=np.bool_)
        shown_twice = self.network.column("proxied_ratio")
        if shown_twice.any() and not message:
            proxied = rng.random(count) < shown_twice[trunk]
        kinds = np.full(count, 0 if media is None else media)
        if media is None and self.world.video_ratio and not message:
            kinds = np.where(rng.random(count) < self.world.video_ratio, MEDIA.index("audio,video"), 0)
        device = self.book.column("device")[caller]
        if self.world.equipment_churn_ratio:
            any_device = rng.choice(len(self.book.device_weights), count, p=self.book.device_weights)
            device = np.where(rng.random(count) < self.world.equipment_churn_ratio, any_device, device)
        signed = self.book.column("attestation")[caller] if attestation is None else attestation
        return Traits(
            profile=self.network.profiles(trunk, device),
            attestation=signed.astype(np.int64),
            media=kinds,
            diverter=np.full(count, -1) if diverter is None else diverter,
            exemption=np.full(count, exemption),
            proxied=proxied,
        )

    def _failures(self) -> dict[int, float]:
        spread = self.world.failure_spread
        if not spread:
            return dict(ORDINARY_FAILURES)
        rng = self.rng("failures")
        return {
            code: weight * float(rng.lognormal(0.0, spread)) for code, weight in ORDINARY_FAILURES.items()
        }
