"""What every campaign draws from: its streams of random numbers, its sweeps, its part of common pools."""

from __future__ import annotations

from typing import Any

import numpy as np

from spit.simulate.behaviour import Behaviour
from spit.simulate.network import F64, I64
from spit.simulate.scene import Scene
from spit.simulate.spec import CampaignSpec
from spit.simulate.timing import DIALLER_HOURS, FLAT_HOURS, OFFICE_HOURS, RESIDENTIAL_HOURS

#: Most of a campaign's answered calls that may last like conversations.
MOST_MIXED_RATIO = 0.8
#: How calls follow one another: at random, at even distances, or in stretches with pauses between.
PATTERNS = ("random", "paced", "shifts")
#: A campaign that takes back calls keeps so many.
FEWEST_CALLS = 12


class Campaign:
    """One campaign being placed.

    ``rng`` draws its calls; what only a world with ``campaign_spread`` varies comes from a stream of its
    own, so that the committed captures stay as they are.
    """

    def __init__(self, scene: Scene, name: str, spec: CampaignSpec, calls: int) -> None:
        self.scene = scene
        self.name = name
        self.strength = spec.strength
        self.calls = calls
        self.rng = scene.rng(name)
        self.sweep = scene.rng(f"{name} sweep")
        self.group = scene.add_group(name, spam=True, kind=spec.kind.value, strength=spec.strength_name)
        self.varied = scene.world.campaign_spread > 0
        #: Share of its numbers that other carriers were assigned: none, all, or some.
        self.outside_ratio = 0.0
        if self.varied:
            self.outside_ratio = float(self.sweep.beta(0.8, 0.8)) * min(1.0, 1.6 * scene.world.outside_ratio)
        scatter = scene.world.campaign_scatter_ratio
        #: Whether each of its numbers has equipment, or a trunk, of its own.
        self.scatters_devices = self.varied and bool(self.sweep.random() < scatter)
        self.scatters_trunks = self.varied and bool(self.sweep.random() < scatter)
        #: Whether it rather places fewer calls than more an hour than its strength says.
        self.may_shrink = self.varied and spec.calls is None
        #: How its calls follow one another.
        self.pattern = str(self.sweep.choice(PATTERNS)) if self.varied else PATTERNS[0]
        #: How human it makes itself look, 0 to 1.
        self.human_ratio = (1.0 - self.strength) * float(self.sweep.random()) if self.varied else 0.0

    def between(self, stealthy: float, blatant: float) -> float:
        """Geometric sweep of a positive parameter, spread as the world is."""
        value = stealthy ** (1.0 - self.strength) * blatant**self.strength
        if self.varied:
            value *= float(self.sweep.lognormal(0.0, self.scene.world.campaign_spread))
        return float(value)

    def ratio(self, stealthy: float, blatant: float) -> float:
        """Linear sweep of a ratio, spread as the world is, within 0.01 and 0.99."""
        value = stealthy + (blatant - stealthy) * self.strength
        if self.varied:
            value += float(self.sweep.normal(0.0, 0.25 * self.scene.world.campaign_spread))
        return float(np.clip(value, 0.01, 0.99))

    def answer_ratio(self, part: float) -> float:
        """Share of calls that are answered; falls with strength over this part of the world's range."""
        low, high = self.scene.world.spam_answer_low, self.scene.world.spam_answer_high
        drawn = float(self.rng.uniform(-0.03, 0.03))
        return float(np.clip(high - (high - low) * part * self.strength + drawn, low, high))

    def dialler(self, answer_ratio: float, failures: dict[int, float], **other: Any) -> Behaviour:
        """Behaviour of a dialler in this world; a stealthy one holds some conversations."""
        world = self.scene.world
        defaults: dict[str, Any] = {
            "duration_log": (world.dialler_mu, world.dialler_sigma),
            "answer_ring_s": (world.answer_ring_s, 0.55),
            "second_thought_ratio": 0.0,
        }
        if self.human_ratio:
            defaults |= {
                "mixed_ratio": self.human_ratio * MOST_MIXED_RATIO,
                "mixed_log": (world.conversation_mu, world.conversation_sigma),
                "second_thought_ratio": 0.12 * self.human_ratio,
            }
        return Behaviour(answer_ratio, failures, **{**defaults, **other})

    def hours(self, usual: tuple[float, ...] = DIALLER_HOURS) -> tuple[float, ...]:
        """The daily profile it keeps; varied campaigns keep any."""
        if not self.varied:
            return usual
        profiles = (usual, usual, DIALLER_HOURS, OFFICE_HOURS, RESIDENTIAL_HOURS, FLAT_HOURS)
        return profiles[int(self.sweep.integers(len(profiles)))]

    def times(self, count: int, calls_per_hour: float, hours: tuple[float, ...]) -> F64:
        """Epoch seconds of ``count`` calls in one stretch at this rate; faster in a short capture."""
        clock = self.scene.clock(hours)
        # The rate is that of the busiest hour: operational time runs faster than the calendar by this much.
        busiest = max(hours) * 24.0 / sum(hours)
        needed_days = count / (calls_per_hour * 24.0) * busiest
        span = min(clock.days * 0.98, needed_days)
        begin = float(self.rng.uniform(0.0, clock.days - span))
        drawn = np.sort(self.rng.random(count))
        if self.pattern == "paced":
            jitter = float(self.sweep.uniform(0.05, 1.0))
            drawn = np.sort((np.arange(count) + jitter * self.rng.random(count)) / count)
        elif self.pattern == "shifts":
            # The same calls in some stretches with pauses between them.
            shifts = int(self.sweep.integers(2, 7))
            span_left = clock.days * 0.98 - span
            pauses = np.concatenate([[0.0], np.cumsum(self.sweep.dirichlet(np.ones(shifts)))[:-1]])
            at = np.minimum((drawn * shifts).astype(np.int64), shifts - 1)
            begin *= float(self.sweep.random())
            room = max(0.0, span_left - begin)
            return clock.to_seconds(begin + drawn * span + pauses[at] * room)
        return clock.to_seconds(begin + drawn * span)

    def shrink(self, calls_per_hour: float, hours: tuple[float, ...]) -> None:
        """Takes back calls that a few numbers cannot place at this rate within the capture."""
        if self.may_shrink:
            clock, busiest = self.scene.clock(hours), max(hours) * 24.0 / sum(hours)
            most = round(clock.days * 24.0 * calls_per_hour / busiest)
            self.calls = min(self.calls, max(FEWEST_CALLS, most))

    def targets(self, count: int) -> I64:
        """Callees: any subscriber; varied campaigns work through a list, in one area or again, too."""
        subscribers = self.scene.subscribers
        if not self.varied:
            return self.rng.choice(subscribers, count)
        listed = subscribers
        if self.sweep.random() < 0.25:
            # Numbers of one area: subscribers whose numbers are neighbours.
            order = np.argsort(self.scene.book.numbers()[subscribers], kind="stable")
            width = max(50, int(len(order) * self.sweep.uniform(0.05, 0.4)))
            first = int(self.sweep.integers(max(1, len(order) - width)))
            listed = subscribers[order[first : first + width]]
        if self.sweep.random() < 0.5:
            size = int(np.clip(count * self.sweep.uniform(0.4, 3.0), 20, len(listed)))
            listed = self.rng.choice(listed, size, replace=False)
        callee = self.rng.choice(listed, count)
        again = float(self.sweep.uniform(0.0, 0.3)) * (1.0 - 0.5 * self.strength)
        before = np.maximum(np.arange(count) - 1 - self.rng.geometric(0.05, count), 0)
        return np.where(self.rng.random(count) < again, callee[before], callee)

    def device(self) -> int:
        """Equipment from the pool that everybody draws from."""
        weights = self.scene.book.device_weights
        return int(self.rng.choice(len(weights), p=weights))

    def trunks(self, most: int) -> I64:
        """One to ``most`` trunks from the pool that everybody draws from."""
        weights = np.array(self.scene.network.weights)
        count = min(int(self.rng.integers(1, most + 1)), len(weights))
        return self.rng.choice(len(weights), count, replace=False, p=weights).astype(np.int64)

    def failures(self, not_found: float) -> dict[int, float]:
        """Weights of unanswered calls, given that so many of all calls are not found."""
        usual = {486: 0.14, 487: 0.42, 480: 0.16, 408: 0.05, 404: not_found, 603: 0.10, 607: 0.02, 503: 0.03}
        if not self.varied:
            return usual
        spread = self.scene.world.failure_spread
        return {code: w * float(self.sweep.lognormal(0.0, spread)) for code, w in usual.items()}

    def sizes(self, calls: int, median: float, sigma: float, low: int, high: int) -> I64:
        """Calls per number, lognormal, until ``calls`` are spread."""
        drawn = self.rng.lognormal(np.log(median), sigma, calls)
        sizes = np.clip(np.round(drawn), low, high).astype(np.int64)
        return sizes[: int(np.searchsorted(np.cumsum(sizes), calls)) + 1]

    def rotating(self, sizes: I64, calls: int, lanes: int, devices: list[int], trunks: I64) -> I64:
        """Caller of each call in time order: ``lanes`` numbers in use at once, each left after its size."""
        numbers = np.concatenate(
            [
                self.numbers(len(part), device=device, trunks=trunks)
                for device, part in zip(devices, np.array_split(sizes, len(devices)), strict=True)
            ]
        )
        numbers = self.rng.permutation(numbers)
        sequence = np.repeat(numbers, sizes)[:calls]
        # Lane k takes the k-th part of the sequence; the calls go round the lanes.
        parts = np.array_split(sequence, lanes)
        position = np.concatenate([np.arange(len(part)) * lanes + lane for lane, part in enumerate(parts)])
        return np.concatenate(parts)[np.argsort(position, kind="stable")]

    def numbers(self, count: int, *, device: int | None = None, trunks: I64 | None = None) -> I64:
        """New numbers of the campaign."""
        return self.scene.book.add_random(
            count,
            spam=True,
            outside_ratio=self.outside_ratio,
            **self.marks(device, trunks),
        )

    def marks(self, device: int | None, trunks: I64 | None) -> dict[str, Any]:
        """What its numbers share: this equipment and these trunks, unless it scatters them."""
        return {
            "device": None if self.scatters_devices else device,
            "trunks": None if self.scatters_trunks else trunks,
        }
