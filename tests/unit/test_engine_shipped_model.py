"""The shipped model: it fits this version's features, and finds the committed demo's campaigns."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from spit._core import CaptureReader
from spit.config import PolicyConfig
from spit.engine.engine import Engine
from spit.engine.evaluation import CAPTURE_NOTE, evaluate, read_labels
from spit.features.table import FeatureTable
from spit.model.bundle import load_default, read_bundle_info, resolve_bundle_path
from spit.policy.policy import Policy
from spit.records import Label
from spit.simulate.scenario import scenario

ROOT = Path(__file__).parents[2]


def _events(path: Path) -> Iterator[pa.RecordBatch]:
    reader = CaptureReader([str(path)])
    while (batch := reader.read_events(8192)) is not None:
        yield batch


@pytest.fixture(scope="module")
def engine() -> Engine:
    model = load_default(schema_hash=FeatureTable.schema_hash, environment={})
    return Engine(model, Policy(PolicyConfig()))


def test_demo_every_spam_caller_is_found_and_nobody_else(engine: Engine) -> None:
    labels = read_labels(ROOT / "captures" / "demo.labels.csv")
    result = evaluate(engine, _events(ROOT / "captures" / "demo.pcap.gz"), labels, note=CAPTURE_NOTE)
    assert result.overall["callers_true_positive_rate"] == 1.0
    assert result.overall["callers_false_positives"] == 0
    assert set(result.groups.loc[result.groups["label"] == "spam", "group"]) == {
        "telemarketer", "robocaller", "wangiri", "sequential"
    }  # fmt: skip
    spam = [caller for caller in engine.callers() if caller.label is Label.SPAM]
    assert all(caller.reasons for caller in spam)
    assert {"CALLER_UNKNOWN_NUMBERS", "CALLER_ONE_RING"} <= {r.symbol for c in spam for r in c.reasons}


def test_it_was_not_trained_on_what_it_is_measured_on() -> None:
    info = read_bundle_info(resolve_bundle_path(None, {}))
    trained = set(info.trained_on["seeds"])
    assert not trained & set(info.trained_on["test_seeds"])
    assert not trained & {scenario(name).seed for name in ("demo", "legitimate", "rotating", "wangiri")}
