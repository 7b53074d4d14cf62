"""The shipped model is as good as benches/results/detection.json says, on the benchmark's small subset."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spit.config import PolicyConfig
from spit.engine.benchmark import read_benchmark
from spit.engine.benchmark_run import run_benchmark
from spit.engine.quality import quality_losses
from spit.engine.training import default_settings
from spit.model.bundle import read_bundle_info, resolve_bundle_path
from spit.policy.policy import Policy

pytestmark = pytest.mark.e2e

BENCHES = Path(__file__).parents[2] / "benches"


def test_quality_did_not_fall() -> None:
    committed = json.loads((BENCHES / "results" / "detection.json").read_text())
    bundle = resolve_bundle_path(None, {})
    assert committed["model"] == read_bundle_info(bundle).full_name, "run make bench-detection"
    benchmark = read_benchmark(BENCHES / "detection.toml")
    result = run_benchmark(
        benchmark, bundle, Policy(PolicyConfig()), ("quality",), settings=default_settings()
    )
    assert result.quality is not None
    assert quality_losses(result.quality, committed["quality"], benchmark.tolerances) == []
