"""Runs a benchmark, or parts of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from spit.engine.benchmark import (
    Benchmark,
    TrafficResult,
    chosen_threshold,
    fit_baselines,
    measure_traffic,
)
from spit.engine.evaluation import Progress, silent
from spit.engine.leave_one_out import LeftOut, leave_one_out
from spit.features.table import FeatureTable
from spit.model.bundle import load_bundle, read_bundle_info
from spit.model.scorer import Model
from spit.model.train import TrainingSettings
from spit.policy.policy import Policy


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """What one run measured; parts that were not run are empty."""

    benchmark: Benchmark
    model: str
    traffic: tuple[TrafficResult, ...]
    left_out: tuple[LeftOut, ...] = ()
    quality: TrafficResult | None = None


def run_benchmark(
    benchmark: Benchmark,
    bundle: Path,
    policy: Policy,
    parts: Collection[str],
    *,
    settings: TrainingSettings,
    progress: Progress = silent,
) -> BenchmarkResult:
    """Measure the model bundle in directory ``bundle``.

    ``parts``: of traffic, baselines (needs traffic), leave-one-out and quality. ``settings``: of the models
    that leave a kind out. Raises ModelError, ConfigError when the model was trained on a seed that is
    measured.
    """
    model = load_bundle(bundle, schema_hash=FeatureTable.schema_hash)
    return measure_model(
        benchmark,
        model,
        policy,
        parts,
        trained_seeds=read_bundle_info(bundle).trained_on.get("seeds", ()),
        settings=settings,
        progress=progress,
    )


def measure_model(
    benchmark: Benchmark,
    model: Model,
    policy: Policy,
    parts: Collection[str],
    *,
    trained_seeds: Collection[int],
    settings: TrainingSettings | None = None,
    progress: Progress = silent,
) -> BenchmarkResult:
    """As ``run_benchmark``, of a model that may not be written yet. Raises ConfigError."""
    settings = settings or TrainingSettings()
    benchmark.refuse_trained_on(trained_seeds)
    compared = "baselines" in parts
    baselines = fit_baselines(benchmark, progress) if compared else []
    threshold = chosen_threshold(model, policy, benchmark, progress) if compared else None
    return BenchmarkResult(
        benchmark=benchmark,
        model=model.name,
        traffic=tuple(
            measure_traffic(
                model,
                policy,
                definition,
                baselines=baselines,
                threshold=threshold,
                budget=benchmark.budget,
                progress=progress,
            )
            for definition in (benchmark.traffic if "traffic" in parts else ())
        ),
        left_out=tuple(leave_one_out(benchmark, policy, settings=settings, progress=progress))
        if "leave-one-out" in parts
        else (),
        quality=measure_traffic(model, policy, benchmark.quality, progress=progress)
        if "quality" in parts
        else None,
    )
