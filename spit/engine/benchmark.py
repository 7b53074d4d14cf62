"""A benchmark: committed definitions of traffic that is made again from its seeds, and what is measured.

The definition is TOML (benches/detection.toml). Its seeds are never used in training: a model that was
trained on one of them is refused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spit.engine.baseline_traffic import Traffic
from spit.engine.baselines import BASELINES, FittedBaseline, LabelledTraffic
from spit.engine.detection_metrics import (
    Group,
    OperatingPoint,
    callers_of,
    groups_of,
    operating_curve,
    operating_point,
    threshold_for,
)
from spit.engine.engine import Engine
from spit.engine.evaluation import Progress, join_labels, silent
from spit.engine.intervals import NOTHING, Estimate, wilson
from spit.engine.named_campaigns import NamedCampaigns, campaigns_named_as_one
from spit.engine.trade_off import TradeOff, trade_offs
from spit.engine.training_traffic import LabelledEvents, labels_of, training_spec
from spit.errors import ConfigError
from spit.model.scorer import Model
from spit.policy.policy import Policy
from spit.simulate.scenario import scenario
from spit.simulate.spec import SimulationSpec

if TYPE_CHECKING:
    import pandas as pd

_MAX_SEEDS = 1_000


@dataclass(frozen=True, slots=True)
class TrafficDefinition:
    """Simulated traffic: a scenario at consecutive seeds."""

    name: str
    scenario: str
    seeds: tuple[int, ...]

    def specs(self) -> list[SimulationSpec]:
        """One spec a seed; ``training`` as ``spit train`` draws it. Raises ConfigError."""
        if self.scenario == "training":
            return [training_spec(seed) for seed in self.seeds]
        return [scenario(self.scenario, seed) for seed in self.seeds]


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How far quality may fall below the committed results before the test of it fails."""

    calls_flagged: float
    established_flagged: float
    callers_wrongly_flagged: float
    average_precision: float
    campaigns_named: float
    false_members: float


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What a definition says.

    ``budget``: share of legitimate callers that baselines may ever flag. ``fit``, ``choose``: traffic to fit
    the baselines and to choose their thresholds on. ``left_out_fit``, ``left_out_choose``,
    ``left_out_test``: traffic to train on and to choose the threshold on without one kind of campaign, and to
    look for that kind in. ``quality``: of the test of quality.
    """

    name: str
    budget: float
    traffic: tuple[TrafficDefinition, ...]
    fit: TrafficDefinition
    choose: TrafficDefinition
    left_out_fit: TrafficDefinition
    left_out_choose: TrafficDefinition
    left_out_test: TrafficDefinition
    quality: TrafficDefinition
    tolerances: Tolerances

    def held_out_seeds(self) -> set[int]:
        """Every seed that a shipped model must not be trained on."""
        parts = (*self.traffic, self.choose, self.left_out_test, self.quality)
        return {seed for part in parts for seed in part.seeds}

    def refuse_trained_on(self, seeds: Iterable[int]) -> None:
        """Raises ConfigError when a model was trained on one of the seeds that are measured on."""
        both = sorted(self.held_out_seeds() & set(seeds))
        if both:
            raise ConfigError(
                f"benchmark {self.name}: expected a model that was not trained on its seeds, "
                f"found {', '.join(map(str, both[:5]))} among those it was trained on"
            )


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """One row of the comparison: a detector at a threshold chosen elsewhere, and its own best curve here."""

    name: str
    settings: str
    chosen: OperatingPoint
    curve: list[OperatingPoint]


@dataclass(frozen=True, slots=True)
class TrafficResult:
    """What was measured on one traffic. ``campaigns_named``: rotating campaigns that were named as one."""

    traffic: TrafficDefinition
    callers: int
    calls: int
    groups: list[Group]
    curve: list[OperatingPoint]
    campaigns: int
    campaigns_named: Estimate
    comparison: list[BaselineResult]
    trade_offs: list[TradeOff]
    #: Legitimate callers within a named campaign of five numbers and more, of all legitimate callers.
    false_members: Estimate = NOTHING


def read_benchmark(path: Path) -> Benchmark:
    """Read a definition. Raises ConfigError, naming the file and the key."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: expected a benchmark definition in TOML, found: {error}") from None
    return _Definition(document, str(path)).benchmark()


def scored_calls(
    model: Model, policy: Policy, spec: SimulationSpec, source: str
) -> tuple[pd.DataFrame, Traffic, NamedCampaigns]:
    """The attempts of ``spec`` as scored and as they are, the same as baselines see them, and which rotating
    campaigns were named as one."""
    part, engine = LabelledEvents.simulated(spec), Engine(model, policy)
    calls = scored_part(engine, part, source)
    return calls, Traffic(part.events), campaigns_named_as_one(engine, calls)


def scored_part(engine: Engine, part: LabelledEvents, source: str) -> pd.DataFrame:
    """The attempts of ``part`` as ``engine`` scores them and as they are; ``source``: put before callers."""
    scored = (engine.observe(batch) for batch in part.batches())
    return join_labels(scored, part.labels, source=source).astype({"spam": bool})


def join_parts(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """All of them; callers become numbers."""
    import pandas as pd

    joined = pd.concat(parts, ignore_index=True)
    joined["caller"] = pd.factorize(joined["caller"])[0].astype(np.int64)
    return joined


def labelled_traffic(definition: TrafficDefinition, progress: Progress = silent) -> list[LabelledTraffic]:
    """The traffic as baselines learn from it."""
    found = []
    for spec in definition.specs():
        part = LabelledEvents.simulated(spec)
        found.append(LabelledTraffic(Traffic(part.events), labels_of(part.attempts(), part.labels)))
        progress(f"simulated seed {spec.seed} of {definition.name}: {part.labels.num_rows} calls")
    return found


def fit_baselines(benchmark: Benchmark, progress: Progress = silent) -> list[FittedBaseline]:
    """Every baseline at its best, on the traffic that the definition gives them for it."""
    fit = labelled_traffic(benchmark.fit, progress)
    choose = labelled_traffic(benchmark.choose, progress)
    fitted = []
    for name, baseline in BASELINES.items():
        progress(f"fitting {name}")
        fitted.append(baseline(fit, choose, benchmark.budget))
    return fitted


def chosen_threshold(
    model: Model, policy: Policy, benchmark: Benchmark, progress: Progress = silent
) -> float:
    """The model's own threshold, chosen as the baselines' are."""
    frames = measured(model, policy, benchmark.choose, progress).calls
    return threshold_for(callers_of(frames), benchmark.budget)


@dataclass(frozen=True, slots=True)
class Measured:
    """All calls of one traffic; ``traffic`` holds the parts in the order of the calls."""

    calls: pd.DataFrame
    traffic: list[Traffic]
    campaigns: int
    named: int  # -1: the engine names no campaigns
    false_members: int


def measured(
    model: Model, policy: Policy, definition: TrafficDefinition, progress: Progress = silent
) -> Measured:
    """Score one traffic, seed by seed, each with a fresh engine. Callers become numbers."""
    frames, parts, campaigns, named, false_members = [], [], 0, 0, 0
    for spec in definition.specs():
        calls, traffic, found = scored_calls(model, policy, spec, f"{definition.name}/{spec.seed}")
        frames.append(calls.drop(columns=["call_id", "suspect", "number"]))
        parts.append(traffic)
        campaigns += found.campaigns
        named = -1 if found.as_one < 0 else named + found.as_one
        false_members += found.false_members
        progress(f"scored seed {spec.seed} of {definition.name}: {len(calls)} calls")
    return Measured(join_parts(frames), parts, campaigns, named, false_members)


def measure_traffic(
    model: Model,
    policy: Policy,
    definition: TrafficDefinition,
    *,
    baselines: Sequence[FittedBaseline] = (),
    threshold: float | None = None,
    budget: float = 0.001,
    progress: Progress = silent,
) -> TrafficResult:
    """Everything that is measured on one traffic. ``threshold``: the model's in the comparison."""
    found = measured(model, policy, definition, progress)
    calls = found.calls
    comparison = []
    if threshold is not None:
        comparison.append(_compared(model.name, "this model", calls, threshold, budget))
    for baseline in baselines:
        progress(f"measuring {baseline.name} on {definition.name}")
        score = np.concatenate([baseline.score(part) for part in found.traffic])
        comparison.append(
            _compared(baseline.name, baseline.settings, calls.assign(score=score), baseline.threshold, budget)
        )
    return TrafficResult(
        traffic=definition,
        callers=int(calls["caller"].nunique()),
        calls=len(calls),
        groups=groups_of(calls),
        curve=operating_curve(calls),
        trade_offs=trade_offs(calls),
        campaigns=found.campaigns,
        campaigns_named=NOTHING if found.named < 0 else wilson(found.named, found.campaigns),
        comparison=comparison,
        false_members=NOTHING if found.named < 0 else _of_legitimate(found),
    )


def _of_legitimate(found: Measured) -> Estimate:
    spam = found.calls.groupby("caller")["spam"].any()
    return wilson(found.false_members, int((~spam).sum()))


def _compared(
    name: str, settings: str, calls: pd.DataFrame, threshold: float, budget: float
) -> BaselineResult:
    return BaselineResult(name, settings, operating_point(calls, budget, threshold), operating_curve(calls))


class _Definition:
    """Typed access to a definition; every error names the file and the key."""

    def __init__(self, document: dict[str, Any], where: str) -> None:
        self._document = document
        self._where = where

    def benchmark(self) -> Benchmark:
        known = {"name", "budget", "traffic", "baselines", "leave_one_out", "quality"}
        unknown = sorted(set(self._document) - known)
        if unknown:
            raise ConfigError(
                f"{self._where}: unknown key {unknown[0]!r}, expected {', '.join(sorted(known))}"
            )
        traffic = self._get(self._document, "traffic", list, "")
        if not traffic:
            raise ConfigError(f"{self._where}: traffic: expected at least one, found none")
        quality = self._table("quality")
        return Benchmark(
            name=self._get(self._document, "name", str, ""),
            budget=self._share(self._document, "budget", ""),
            traffic=tuple(self._traffic(one, f"traffic[{at}]") for at, one in enumerate(traffic)),
            fit=self._traffic(self._table("baselines").get("fit"), "baselines.fit"),
            choose=self._traffic(self._table("baselines").get("choose"), "baselines.choose"),
            left_out_fit=self._left_out("fit"),
            left_out_choose=self._left_out("choose"),
            left_out_test=self._left_out("test"),
            quality=self._traffic(quality, "quality"),
            tolerances=Tolerances(
                **{
                    name: self._share(quality, f"{name}_tolerance", "quality")
                    for name in Tolerances.__dataclass_fields__
                }
            ),
        )

    def _table(self, name: str) -> dict[str, Any]:
        table: dict[str, Any] = self._get(self._document, name, dict, "")
        return table

    def _left_out(self, part: str) -> TrafficDefinition:
        return self._traffic(self._table("leave_one_out").get(part), f"leave_one_out.{part}")

    def _traffic(self, value: object, where: str) -> TrafficDefinition:
        if not isinstance(value, dict):
            raise ConfigError(f"{self._where}: {where}: expected a table, found {value!r}")
        first, last = (self._get(value, key, int, where) for key in ("first_seed", "last_seed"))
        if not 0 <= first <= last < first + _MAX_SEEDS:
            raise ConfigError(
                f"{self._where}: {where}: expected {_MAX_SEEDS} rising seeds at most, found {first} to {last}"
            )
        name = self._get(value, "scenario", str, where)
        definition = TrafficDefinition(value.get("name", where), name, tuple(range(first, last + 1)))
        definition.specs()  # an unknown scenario is told before minutes are spent
        return definition

    def _share(self, table: dict[str, Any], key: str, where: str) -> float:
        value: float = self._get(table, key, float, where)
        if not 0.0 <= value <= 1.0:
            raise ConfigError(f"{self._where}: {where} {key}: expected a share from 0 to 1, found {value}")
        return value

    def _get(self, table: dict[str, Any], key: str, kind: type, where: str) -> Any:
        value = table.get(key)
        if not isinstance(value, kind) or isinstance(value, bool):
            name = f"{where}.{key}" if where else key
            raise ConfigError(f"{self._where}: {name}: expected {kind.__name__}, found {value!r}")
        return value
