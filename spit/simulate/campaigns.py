"""Spam campaigns. ``strength`` 0 is stealthy, 1 is blatant. Parameters: docs/simulation.md.

============  ==============================================================================================
telemarketer  one number, ASR 10 to 30 %, lognormal(2.639, 1.1) durations, 15 to 300 calls an hour
robocaller    numbers rotate: 13 calls per number at the median, 95 % under 27; one or two fingerprints and
              trunks from the shared pool carry all numbers
wangiri       rings 1 to 5 s, then CANCEL; 2 to 20 calls per number when stealthy; about 5 % call back
sequential    blocks of numbers dialled in order, many of them not found, short calls
============  ==============================================================================================

The hourly rates, shares of not-found and hang-ups by the callee are ours: no source publishes them.
"""

from __future__ import annotations

import numpy as np

from spit.simulate.behaviour import DIALLER, Behaviour
from spit.simulate.network import BLOCK_SIZE, F64, I64, TRUNK_WEIGHTS, TRUNKS
from spit.simulate.plan import CallColumns
from spit.simulate.population import place_return_calls
from spit.simulate.scene import Scene
from spit.simulate.spec import CampaignKind, CampaignSpec
from spit.simulate.timing import DIALLER_HOURS, FLAT_HOURS, DailyClock

SPAM_RATIO_RANGE = (0.20, 0.31)
#: Share of missed calls that are returned. Wangiri: docs/simulation.md; the others are ours.
CALL_BACK_RATIO = {
    CampaignKind.TELEMARKETER: 0.02,
    CampaignKind.ROBOCALLER: 0.01,
    CampaignKind.WANGIRI: 0.05,
    CampaignKind.SEQUENTIAL: 0.01,
}
CALLS_PER_NUMBER_MEDIAN = 13.0
#: 95 % of campaigns seen by honeypots stay under 27 calls: ln(27 / 13) / 1.645.
CALLS_PER_NUMBER_SIGMA = 0.444


def place_campaigns(scene: Scene) -> None:
    """Places every campaign of the spec, after the population: the spam share is of its calls."""
    spec = scene.spec
    if not spec.campaigns:
        return
    rng = scene.rng("spam ratio")
    ratio = spec.spam_ratio if spec.spam_ratio is not None else float(rng.uniform(*SPAM_RATIO_RANGE))
    total = scene.placed_calls() * ratio / (1.0 - ratio)
    fixed = sum(campaign.calls for campaign in spec.campaigns if campaign.calls is not None)
    open_campaigns = sum(campaign.calls is None for campaign in spec.campaigns)
    share = max(1, round((total - fixed) / open_campaigns)) if open_campaigns else 0
    seen: dict[CampaignKind, int] = {}
    for campaign in spec.campaigns:
        seen[campaign.kind] = seen.get(campaign.kind, 0) + 1
        name = f"{campaign.kind.value}-{seen[campaign.kind]}"
        calls = campaign.calls if campaign.calls is not None else share
        placed = _PLACERS[campaign.kind](scene, name, campaign, calls)
        place_return_calls(scene, scene.rng(f"{name} call-backs"), placed, CALL_BACK_RATIO[campaign.kind])


def _between(stealthy: float, blatant: float, strength: float) -> float:
    """Geometric sweep of a positive parameter."""
    return float(stealthy ** (1.0 - strength) * blatant**strength)


def _active_times(
    scene: Scene, rng: np.random.Generator, count: int, calls_per_hour: float, hours: tuple[float, ...]
) -> F64:
    """Epoch seconds of ``count`` calls in one stretch at this rate; faster where the capture is too short."""
    clock = DailyClock(hours, scene.start_s, scene.spec.duration_s)
    # The rate is that of the busiest hour: operational time runs faster than the calendar by this much.
    busiest = max(hours) * 24.0 / sum(hours)
    needed_days = count / (calls_per_hour * 24.0) * busiest
    span = min(clock.days * 0.98, needed_days)
    begin = float(rng.uniform(0.0, clock.days - span))
    return clock.to_seconds(begin + np.sort(rng.random(count)) * span)


def _shared_trunks(rng: np.random.Generator, count: int) -> I64:
    return rng.choice(len(TRUNKS), count, replace=False, p=TRUNK_WEIGHTS).astype(np.int64)


def _shared_profile(scene: Scene, rng: np.random.Generator) -> int:
    return int(rng.choice(len(scene.book.profile_weights), p=scene.book.profile_weights))


def _dialler_failures(not_found: float) -> dict[int, float]:
    """Weights of unanswered calls, given that so many of all calls are not found."""
    return {486: 0.14, 487: 0.42, 480: 0.16, 408: 0.05, 404: not_found, 603: 0.10, 607: 0.02, 503: 0.03}


def _telemarketer(scene: Scene, name: str, campaign: CampaignSpec, calls: int) -> CallColumns:
    rng = scene.rng(name)
    strength = campaign.strength
    number = scene.book.add_random(1, spam=True, profile=_shared_profile(scene, rng))
    rate = _between(15.0, 300.0, strength) * float(rng.uniform(0.8, 1.25))
    start_s = _active_times(scene, rng, calls, rate, DIALLER_HOURS)
    behaviour = Behaviour(
        float(np.clip(0.30 - 0.20 * strength + rng.uniform(-0.03, 0.03), 0.10, 0.30)),
        _dialler_failures(float(rng.uniform(0.03, 0.08)) + 0.12 * strength),
        duration_log=DIALLER,
        give_up_s=(10.0 - 2.0 * strength, 28.0 - 8.0 * strength),
        second_thought_ratio=0.0,
        callee_hangup_ratio=float(rng.uniform(0.60, 0.70)) + 0.15 * strength,
        voicemail_ratio=0.12,
    )
    callee = rng.choice(scene.subscribers, calls)
    return scene.place(
        rng,
        behaviour,
        scene.add_group(name, spam=True),
        start_s,
        np.repeat(number, calls),
        callee,
    )


def _rotating_callers(
    scene: Scene,
    rng: np.random.Generator,
    sizes: I64,
    calls: int,
    lanes: int,
    profiles: list[int],
    trunks: I64,
) -> I64:
    """Caller of each call in time order: ``lanes`` numbers in use at once, each left after its size."""
    numbers = np.concatenate(
        [
            scene.book.add_random(len(part), spam=True, profile=profile, trunks=trunks)
            for profile, part in zip(profiles, np.array_split(sizes, len(profiles)), strict=True)
        ]
    )
    numbers = rng.permutation(numbers)
    sequence = np.repeat(numbers, sizes)[:calls]
    # Lane k takes the k-th part of the sequence; the calls go round the lanes.
    parts = np.array_split(sequence, lanes)
    position = np.concatenate([np.arange(len(part)) * lanes + lane for lane, part in enumerate(parts)])
    return np.concatenate(parts)[np.argsort(position, kind="stable")]


def _sizes(rng: np.random.Generator, calls: int, median: float, sigma: float, low: int, high: int) -> I64:
    """Calls per number, lognormal, until ``calls`` are spread."""
    sizes = np.clip(np.round(rng.lognormal(np.log(median), sigma, calls)), low, high).astype(np.int64)
    return sizes[: int(np.searchsorted(np.cumsum(sizes), calls)) + 1]


def _robocaller(scene: Scene, name: str, campaign: CampaignSpec, calls: int) -> CallColumns:
    rng = scene.rng(name)
    strength = campaign.strength
    sizes = _sizes(rng, calls, CALLS_PER_NUMBER_MEDIAN, CALLS_PER_NUMBER_SIGMA, 2, 200)
    profiles = [_shared_profile(scene, rng) for _ in range(int(rng.integers(1, 3)))]
    trunks = _shared_trunks(rng, int(rng.integers(1, 4)))
    lanes = min(len(sizes), max(1, round(_between(12.0, 2.0, strength))))
    caller = _rotating_callers(scene, rng, sizes, calls, lanes, profiles, trunks)
    rate = _between(40.0, 900.0, strength) * float(rng.uniform(0.8, 1.25))
    start_s = _active_times(scene, rng, calls, rate, DIALLER_HOURS)
    behaviour = Behaviour(
        float(np.clip(0.30 - 0.18 * strength + rng.uniform(-0.03, 0.03), 0.10, 0.30)),
        _dialler_failures(float(rng.uniform(0.03, 0.08)) + 0.12 * strength),
        duration_log=DIALLER,
        give_up_s=(14.0 - 4.0 * strength, 30.0 - 8.0 * strength),
        second_thought_ratio=0.0,
        callee_hangup_ratio=float(rng.uniform(0.65, 0.75)) + 0.15 * strength,
        voicemail_ratio=0.15,
    )
    return scene.place(
        rng,
        behaviour,
        scene.add_group(name, spam=True),
        start_s,
        caller,
        rng.choice(scene.subscribers, calls),
    )


def _wangiri(scene: Scene, name: str, campaign: CampaignSpec, calls: int) -> CallColumns:
    rng = scene.rng(name)
    strength = campaign.strength
    median = _between(8.0, 120.0, strength)
    sizes = _sizes(rng, calls, median, 0.5, 2, 20 if strength < 0.3 else 1000)
    lanes = min(len(sizes), max(1, round(_between(6.0, 1.0, strength))))
    profiles, trunks = [_shared_profile(scene, rng)], _shared_trunks(rng, int(rng.integers(1, 3)))
    caller = _rotating_callers(scene, rng, sizes, calls, lanes, profiles, trunks)
    rate = _between(40.0, 1200.0, strength) * float(rng.uniform(0.8, 1.25))
    start_s = _active_times(scene, rng, calls, rate, FLAT_HOURS)
    # Some pick up within the ring; the caller then hangs up at once.
    behaviour = Behaviour(
        float(rng.uniform(0.01, 0.04)) + 0.02 * (1.0 - strength),
        {487: 0.90 - 0.1 * (1.0 - strength), 404: 0.04, 486: 0.04, 480: 0.02},
        duration_log=(0.5, 0.5),
        answer_ring_s=(2.0, 0.3),
        give_up_s=(1.0, 3.0 + 2.0 * (1.0 - strength)),
        second_thought_ratio=0.0,
        callee_hangup_ratio=0.2,
        voicemail_ratio=0.0,
    )
    return scene.place(
        rng,
        behaviour,
        scene.add_group(name, spam=True),
        start_s,
        caller,
        rng.choice(scene.subscribers, calls),
    )


def _sequential(scene: Scene, name: str, campaign: CampaignSpec, calls: int) -> CallColumns:
    rng = scene.rng(name)
    strength = campaign.strength
    number = scene.book.add_random(1, spam=True, profile=_shared_profile(scene, rng))
    rate = _between(30.0, 600.0, strength) * float(rng.uniform(0.8, 1.25))
    start_s = _active_times(scene, rng, calls, rate, DIALLER_HOURS)
    target = _dialled_numbers(scene, rng, calls, strength)
    in_use = np.isin(target, scene.book.numbers()[scene.subscribers])
    missing_ratio = float(np.clip(0.12 + 0.40 * strength + rng.uniform(-0.05, 0.05), 0.05, 0.6))
    not_found = ~in_use & (rng.random(calls) < missing_ratio / max(1e-9, float(np.mean(~in_use))))
    answer_ratio = float(np.clip(0.30 - 0.18 * strength + rng.uniform(-0.03, 0.03), 0.10, 0.30))
    behaviour = Behaviour(
        # Of all calls; the numbers that do not exist cannot answer.
        answer_ratio / (1.0 - float(np.mean(not_found))),
        _dialler_failures(0.01),
        duration_log=(DIALLER[0] - 0.8 * strength, 0.9),
        give_up_s=(8.0 - 3.0 * strength, 24.0 - 10.0 * strength),
        second_thought_ratio=0.0,
        callee_hangup_ratio=0.65,
        voicemail_ratio=0.1,
    )
    return scene.place(
        rng,
        behaviour,
        scene.add_group(name, spam=True),
        start_s,
        np.repeat(number, calls),
        scene.book.add(target),
        not_found=not_found,
    )


def _dialled_numbers(scene: Scene, rng: np.random.Generator, calls: int, strength: float) -> I64:
    """Numbers in the order dialled: steps of one when blatant; gaps and shuffled stretches when stealthy."""
    largest_step = 1 + round(3 * (1.0 - strength))
    runs: list[I64] = []
    left = calls
    while left > 0:
        block = int(rng.choice(scene.book.blocks))
        length = min(left, int(rng.integers(60, 400)))
        offset = int(rng.integers(BLOCK_SIZE)) + np.cumsum(rng.integers(1, largest_step + 1, size=length))
        runs.append((block + offset % BLOCK_SIZE).astype(np.int64))
        left -= length
    dialled = np.concatenate(runs)
    # A predictive dialler with several lines does not keep the order exactly.
    jitter = np.arange(calls) + rng.uniform(0.0, 0.01 + 8.0 * (1.0 - strength) ** 2, calls)
    return dialled[np.argsort(jitter, kind="stable")]


_PLACERS = {
    CampaignKind.TELEMARKETER: _telemarketer,
    CampaignKind.ROBOCALLER: _robocaller,
    CampaignKind.WANGIRI: _wangiri,
    CampaignKind.SEQUENTIAL: _sequential,
}
