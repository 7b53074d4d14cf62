"""The commands of learning, from files to files: train, what-if, drift, feedback, and a challenger."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from spit.capture.recorded import RecordedCalls
from spit.cli import main
from spit.cli.observers import open_observers
from spit.config import load_config
from spit.engine.learning import train_on_calls
from spit.model import train as train_module
from spit.model.train import TrainingSettings
from spit.simulate.events import to_events
from spit.simulate.labels import to_labels, write_labels
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate

QUICK = TrainingSettings(trees=6, learning_rate=0.5, min_samples_leaf=10)


@dataclass(frozen=True)
class Recorded:
    calls: str
    labels: str
    model: str
    attempts: int


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Two hours of simulated events, their labels, and a model that learned from them."""
    place = tmp_path_factory.mktemp("recorded")
    plan = simulate(replace(scenario("demo", 11), residential=80, duration_s=7200))
    parquet.write_table(pa.Table.from_batches([to_events(plan)]), place / "calls.parquet")
    write_labels(plan, place / "labels.csv")
    calls = str(place / "calls.parquet")
    learned = train_on_calls(
        RecordedCalls([calls]), to_labels(plan), place, name="own", version="1", training=QUICK
    )
    return Recorded(calls, str(place / "labels.csv"), str(learned.path), len(plan))


def test_training_on_calls_writes_a_bundle(
    recorded: Recorded, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fit = train_module.train

    def quickly(*rows: object, **options: object) -> object:
        return fit(*rows, **{**options, "settings": QUICK})  # type: ignore[arg-type]

    monkeypatch.setattr("spit.engine.learning.train", quickly)
    output = str(tmp_path / "mine" / "2")
    command = ["train", "--calls", recorded.calls, "--labels", recorded.labels, "--output", output]
    assert main([*command, "--test-by", "time"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{output}\n"
    assert f"{recorded.attempts} calls, {recorded.attempts} with a label, 0 without" in said.err
    assert "Too few labelled legitimate callers to vouch" in said.err
    assert (tmp_path / "mine" / "2" / "reference.json").exists()
    card = (tmp_path / "mine" / "2" / "MODEL_CARD.md").read_text().replace("\n", " ")
    assert "and of the model baseline/" in card
    alone = [*command[:-1], str(tmp_path / "mine" / "3"), "--beside", "none"]
    assert main(alone) == 0
    assert "no other model beside" in (tmp_path / "mine" / "3" / "MODEL_CARD.md").read_text()
    assert main([*alone[:-1], str(tmp_path)]) == 1
    assert "no model bundle at" in capsys.readouterr().err
    assert main(command) == 1  # a version never changes
    assert "exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--calls", "x"], "--calls and --labels belong together"),
        (["--calls", "x", "--labels", "y", "--seeds", "1"], "--seeds belongs to training without --calls"),
        (
            ["--calls", "x", "--labels", "y", "--world-seeds", "0"],
            "--world-seeds belongs to training without",
        ),
        (
            ["--calls", "x", "--labels", "y", "--world-calibration-seeds", "7"],
            "--world-calibration-seeds belongs to training without",
        ),
        (["--world-seeds", "0-3"], "expected seeds from 1 on, or 0 alone for none"),
        (["--with-simulation", "1"], "--with-simulation belongs to --calls"),
        (["--beside", "none"], "--beside belongs to --calls"),
    ],
)
def test_flags_that_do_not_go_together(
    flags: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", "--output", "models/mine/1", *flags]) == 2
    assert words in capsys.readouterr().err


def test_what_if_names_who_is_newly_blocked(
    recorded: Recorded, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    policy, config = tmp_path / "new.toml", tmp_path / "now.toml"
    policy.write_text('[policy]\nblock = ["+*"]\n')
    config.write_text(f'[model]\npath = "{recorded.model}"\n')
    command = ["what-if", "--calls", recorded.calls, "--config", str(config), "--labels", recorded.labels]
    assert main([*command, "--policy", str(policy)]) == 0
    said = capsysbinary.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert rows
    assert {row["change"] for row in rows} == {"newly_blocked"}
    newly = sum(row["calls"] for row in rows)
    assert f"then {recorded.attempts} (100.00%)".encode() in said.err
    assert f"{recorded.attempts} calls: {newly} (".encode() in said.err
    assert f"Of {recorded.attempts} labelled calls".encode() in said.err
    assert main(command) == 2
    assert b"--policy or --model" in capsysbinary.readouterr().err


def test_drift_from_the_traffic_of_training_is_none(
    recorded: Recorded, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["drift", "--calls", recorded.calls, "--reference", recorded.model]) == 0
    said = capsysbinary.readouterr()
    rows = [json.loads(line) for line in said.out.splitlines()]
    assert {row["meaning"] for row in rows} == {"stable"}
    assert "score" in {row["name"] for row in rows}
    assert b"that own/1 was trained on" in said.err


def test_a_challenger_is_compared_on_a_capture(
    recorded: Recorded, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    capture = str(Path(__file__).parents[2] / "captures" / "wangiri.pcap")
    config = tmp_path / "now.toml"
    config.write_text(f'[model]\npath = "{recorded.model}"\n')
    assert main(["score", capture, "--config", str(config), "--challenger", recorded.model]) == 0
    said = capsysbinary.readouterr().err.decode()
    assert "Challenger own/1 beside own/1: " in said
    assert "0 are spam only to own/1, 0 only to own/1" in said


def test_feedback_lists_reports_and_the_labels_that_follow(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    store = tmp_path / "reports.csv"
    head = "label,call_id,caller,kind,reporter_hash,time,weight\n"
    store.write_text(head + "".join(f"spam,c{i},+1202,report,r{i},{i}.5,1\n" for i in range(3)))
    assert main(["feedback", str(store)]) == 0
    rows = [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]
    assert [(row["call_id"], row["time"]) for row in rows] == [("c0", 0.5), ("c1", 1.5), ("c2", 2.5)]
    assert main(["feedback", "--labels", "--format", "csv", str(store)]) == 0
    lines = capsysbinary.readouterr().out.splitlines()
    assert lines[1] == b'"c0","+1202","spam",1,3'
    assert main(["feedback", str(tmp_path / "none.csv")]) == 1
    assert b"expected a feedback store" in capsysbinary.readouterr().err


def test_a_service_has_those_who_look_on(recorded: Recorded, tmp_path: Path) -> None:
    config = load_config(
        None,
        {
            "model.path": recorded.model,
            "model.challenger": recorded.model,
            "feedback.store": str(tmp_path / "reports.csv"),
            "feedback.decoys": ["+12025550100"],
        },
    )
    observers = open_observers(config)
    assert len(observers.all()) == 4
    assert observers.drift is not None
    assert observers.drift.reference_rows == recorded.attempts
    assert (tmp_path / "reports.csv.key").exists()
