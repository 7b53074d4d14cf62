"""How calls go once placed: who answers, how long it rings, who hangs up. Draws the columns of a plan."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spit.simulate.columns import NEVER, CallColumns, Mask
from spit.simulate.network import F64, I64, Network
from spit.simulate.world import World

#: Statuses of unanswered calls and their weights, for callers that dial numbers they know.
ORDINARY_FAILURES = {
    486: 0.24,
    487: 0.34,
    480: 0.20,
    408: 0.06,
    404: 0.04,
    603: 0.06,
    503: 0.03,
    484: 0.01,
    600: 0.02,
}

#: Share of calls that ring before this final status comes.
_RING_RATIO = {
    404: 0.02,
    484: 0.0,
    486: 0.08,
    600: 0.1,
    603: 0.85,
    607: 0.9,
    480: 0.7,
    408: 0.9,
    503: 0.0,
    500: 0.1,
}
#: Seconds of ringing before it, low and high.
_RING_RANGE_S = {
    404: (1, 3),
    486: (0.5, 4),
    600: (1, 5),
    603: (1.5, 14),
    607: (2, 12),
    480: (18, 45),
    408: (30, 60),
}
_DEFAULT_RING_RANGE_S = (1.0, 8.0)

MAX_DURATION_S = 7_200.0
CONVERSATION = (4.248, 1.374)  # docs/simulation.md: lognormal of conversational traffic
DIALLER = (2.639, 1.1)  # the same, dialler traffic
QUICK_CANCEL_S = (0.5, 8.0)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Parameters of a group of calls. Durations and rings in seconds; ratios 0 to 1.

    ``message_s``: a recorded message of this length, hung up by the caller unless the callee does so earlier.
    ``give_up_s``: ringing before the caller cancels, uniform between low and high.
    ``second_thought_ratio``: share of those that cancel within QUICK_CANCEL_S, as people do who misdialled.
    ``abandon_ratio``: share of answered calls dropped by a dialler that has no agent free.
    ``left_ratio``: share of calls that end at the network's challenge, which the caller does not answer.
    ``mixed_ratio``: share of answered calls whose duration is drawn from ``mixed_log`` instead.
    """

    answer_ratio: float
    failures: dict[int, float] = field(default_factory=lambda: dict(ORDINARY_FAILURES))
    duration_log: tuple[float, float] = CONVERSATION
    message_s: float | None = None
    answer_ring_s: tuple[float, float] = (8.0, 0.55)  # median and sigma of a lognormal
    give_up_s: tuple[float, float] = (15.0, 40.0)
    second_thought_ratio: float = 0.12
    callee_hangup_ratio: float = 0.45
    abandon_ratio: float = 0.0
    voicemail_ratio: float = 0.12
    left_ratio: float = 0.0
    mixed_ratio: float = 0.0
    mixed_log: tuple[float, float] = CONVERSATION


@dataclass(frozen=True, slots=True)
class Traits:
    """What the request of each call shows beside its numbers and times; see plan.CallColumns."""

    profile: I64
    attestation: I64
    media: I64
    diverter: I64
    exemption: I64
    proxied: Mask

    def columns(self) -> dict[str, Any]:
        """As columns of a plan."""
        return {
            "is_message": np.zeros(len(self.profile), dtype=np.bool_),
            "profile": self.profile.astype(np.int16),
            "attestation": self.attestation.astype(np.int8),
            "media": self.media.astype(np.int8),
            "diverter": self.diverter.astype(np.int64),
            "exemption": self.exemption.astype(np.int8),
            "proxied": self.proxied,
        }


def draw_calls(
    rng: np.random.Generator,
    behaviour: Behaviour,
    *,
    group: int,
    start_s: F64,
    caller: I64,
    callee: I64,
    trunk: I64,
    network: Network,
    world: World,
    traits: Traits,
    answer_ratio: F64 | None = None,
    not_found: Mask | None = None,
) -> CallColumns:
    """Columns of ``len(start_s)`` calls. ``start_s``: epoch seconds. ``answer_ratio`` overrides per call.

    ``not_found`` forces 404 where true.
    """
    count = len(start_s)
    status = _draw_status(rng, behaviour, count, answer_ratio)
    if not_found is not None:
        status = np.where(not_found, 404, status)
    left = np.zeros(count, dtype=np.bool_)
    if behaviour.left_ratio:
        left = rng.random(count) < behaviour.left_ratio
        status = np.where(left, 407, status)
    answered = status == 200

    rtt = network.column("rtt_s")[trunk] * rng.uniform(0.8, 1.3, count)
    challenged = rng.random(count) < network.column("challenged_ratio")[trunk]
    challenged |= left
    again = np.where(
        ~challenged & (rng.random(count) < world.retransmitted_ratio),
        rng.choice([1, 2], count, p=[0.8, 0.2]),
        0,
    )
    challenge = rtt * rng.uniform(1.0, 1.5, count)
    retry = challenge + rng.uniform(0.004, 0.03, count)
    base = np.where(challenged, retry, 0.5 * (2.0**again - 1.0) * (again > 0))
    trying = base + rtt * rng.uniform(0.6, 1.4, count) + (again > 0) * rng.uniform(0.02, 0.3, count)

    rings, ring_length = _draw_ringing(rng, behaviour, status)
    provisional = trying + np.clip(rng.lognormal(world.post_dial_mu, 0.55, count), 0.15, 8.0)
    voicemail = answered & (rng.random(count) < behaviour.voicemail_ratio)
    ring_length = np.where(voicemail, rng.uniform(18.0, 26.0, count), ring_length)
    no_ring_delay = np.clip(rng.lognormal(-0.7, 0.7, count), 0.03, 6.0)
    settled = np.where(rings, provisional + ring_length, trying + no_ring_delay)

    duration, callee_hangs_up = _draw_duration(rng, behaviour, voicemail)
    gives_up = status == 487
    final = settled + np.where(gives_up, rtt * rng.uniform(1.2, 2.0, count), 0.0)
    forked = rings & ~left & (rng.random(count) < world.forked_ratio)

    def at(offset: F64, present: Mask) -> I64:
        times = np.round((start_s + offset) * 1e6).astype(np.int64)
        return np.where(present, times, NEVER)

    return CallColumns(
        group=np.full(count, group, dtype=np.int16),
        caller=caller.astype(np.int64),
        callee=callee.astype(np.int64),
        trunk=trunk.astype(np.int8),
        sbc=rng.integers(2, size=count).astype(np.int8),
        status=status.astype(np.int16),
        rtt_us=np.round(rtt * 1e6).astype(np.int64),
        invite_us=at(np.zeros(count), np.ones(count, dtype=np.bool_)),
        retransmissions=again.astype(np.int8),
        challenge_us=at(challenge, challenged),
        retry_us=at(retry, challenged & ~left),
        trying_us=at(trying, ~left),
        ring_us=at(provisional, rings & ~left),
        fork_us=at(provisional + 0.1, forked),
        early_media=rng.random(count) < world.early_media_ratio,
        answer_us=at(settled, answered),
        cancel_us=at(settled, gives_up),
        final_us=at(final, ~answered & ~left),
        bye_us=at(settled + duration, answered),
        callee_hangs_up=callee_hangs_up,
        id_high=rng.integers(2**64, size=count, dtype=np.uint64),
        id_low=rng.integers(2**64, size=count, dtype=np.uint64),
        **traits.columns(),
    )


def draw_messages(
    rng: np.random.Generator,
    *,
    group: int,
    start_s: F64,
    caller: I64,
    callee: I64,
    trunk: I64,
    network: Network,
    traits: Traits,
    not_found: Mask,
) -> CallColumns:
    """Columns of SIP MESSAGE requests (RFC 3428): one request, one final response."""
    count = len(start_s)
    status = np.where(not_found, 404, np.where(rng.random(count) < 0.97, 200, 480))
    rtt = network.column("rtt_s")[trunk] * rng.uniform(0.8, 1.3, count)
    invite = np.round(start_s * 1e6).astype(np.int64)
    final = invite + np.round(1e6 * (rtt + rng.lognormal(-2.0, 0.8, count))).astype(np.int64)
    nothing = np.full(count, NEVER)
    return CallColumns(
        group=np.full(count, group, dtype=np.int16),
        caller=caller.astype(np.int64),
        callee=callee.astype(np.int64),
        trunk=trunk.astype(np.int8),
        sbc=rng.integers(2, size=count).astype(np.int8),
        status=status.astype(np.int16),
        rtt_us=np.round(rtt * 1e6).astype(np.int64),
        invite_us=invite,
        retransmissions=np.zeros(count, dtype=np.int8),
        challenge_us=nothing,
        retry_us=nothing,
        trying_us=nothing,
        ring_us=nothing,
        fork_us=nothing,
        early_media=np.zeros(count, dtype=np.bool_),
        answer_us=nothing,
        cancel_us=nothing,
        final_us=final,
        bye_us=nothing,
        callee_hangs_up=np.zeros(count, dtype=np.bool_),
        id_high=rng.integers(2**64, size=count, dtype=np.uint64),
        id_low=rng.integers(2**64, size=count, dtype=np.uint64),
        **{**traits.columns(), "is_message": np.ones(count, dtype=np.bool_)},
    )


def _draw_status(rng: np.random.Generator, behaviour: Behaviour, count: int, answer_ratio: F64 | None) -> I64:
    codes = np.array(list(behaviour.failures), dtype=np.int64)
    weights = np.array(list(behaviour.failures.values()))
    failed = rng.choice(codes, count, p=weights / weights.sum())
    ratio = behaviour.answer_ratio if answer_ratio is None else answer_ratio
    return np.where(rng.random(count) < ratio, 200, failed)


def _draw_ringing(rng: np.random.Generator, behaviour: Behaviour, status: I64) -> tuple[Mask, F64]:
    """Whether each call rings, and the seconds from the first 18x to what ends the ringing."""
    count = len(status)
    median, sigma = behaviour.answer_ring_s
    length = np.clip(rng.lognormal(np.log(median), sigma, count), 0.3, 55.0)
    ratio = np.where(status == 200, 0.98, 0.97)
    spread = rng.random(count)
    for code in np.unique(status):
        rows = status == code
        if code == 200:
            continue
        if code == 487:
            low, high = behaviour.give_up_s
        else:
            ratio[rows] = _RING_RATIO.get(int(code), 0.0)
            low, high = _RING_RANGE_S.get(int(code), _DEFAULT_RING_RANGE_S)
        length[rows] = (low + (high - low) * spread)[rows]
    quick = (status == 487) & (rng.random(count) < behaviour.second_thought_ratio)
    length = np.where(quick, rng.uniform(*QUICK_CANCEL_S, count), length)
    return rng.random(count) < ratio, length


def _draw_duration(rng: np.random.Generator, behaviour: Behaviour, voicemail: Mask) -> tuple[F64, Mask]:
    """Seconds from answer to BYE, and whether the callee sends it."""
    count = len(voicemail)
    # The published fits hold for all connected calls: a mailbox changes who hangs up, not the duration.
    duration = rng.lognormal(*behaviour.duration_log, count)
    if behaviour.mixed_ratio:
        mixed = rng.random(count) < behaviour.mixed_ratio
        duration = np.where(mixed, rng.lognormal(*behaviour.mixed_log, count), duration)
    callee_hangs_up = (rng.random(count) < behaviour.callee_hangup_ratio) & ~voicemail
    if behaviour.message_s is not None:
        played = behaviour.message_s + rng.uniform(0.2, 1.5, count)
        duration = np.where(callee_hangs_up, np.minimum(duration, behaviour.message_s), played)
    abandoned = rng.random(count) < behaviour.abandon_ratio
    duration = np.where(abandoned, rng.uniform(0.5, 2.0, count), duration)
    callee_hangs_up &= ~abandoned
    # 0.4 s leaves room for the ACK before the BYE.
    return np.clip(duration, 0.4, MAX_DURATION_S), callee_hangs_up
