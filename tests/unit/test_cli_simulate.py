"""spit simulate writes what it says, whole, and says what it wrote."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pyarrow import parquet

from spit.capture.recorded import RecordedCalls
from spit.cli import main
from spit.cli.parser import build_parser
from spit.records import CALL_SCHEMA, EVENT_SCHEMA

SMALL = ("--scenario", "wangiri", "--seed", "3", "--callers", "20")


def test_events_and_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "small.parquet"
    assert main(["simulate", "--output", str(output), *SMALL]) == 0
    events = parquet.read_table(output)
    assert events.schema.names == EVENT_SCHEMA.names
    with (tmp_path / "small.labels.csv").open(newline="") as file:
        labels = list(csv.DictReader(file))
    attempts = {row["call_id"] for row in events.to_pylist() if row["event"] == "attempt"}
    assert attempts == {row["call_id"] for row in labels}
    assert {row["label"] for row in labels} == {"spam", "ham"}
    spam = sum(row["label"] == "spam" for row in labels)
    assert f"{len(labels)} calls, {spam} of them spam" in capsys.readouterr().err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["small.labels.csv", "small.parquet"]


def test_the_same_flags_give_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("first", "second"):
        assert main(["simulate", "--output", str(tmp_path / f"{name}.pcap"), *SMALL]) == 0
        written.append((tmp_path / f"{name}.pcap").read_bytes())
    assert written[0] == written[1]
    assert len(written[0]) > 10_000


def test_campaigns_replace_those_of_the_scenario(tmp_path: Path) -> None:
    output = tmp_path / "a.parquet"
    assert main(["simulate", "--output", str(output), *SMALL, "--campaign", "sequential:0.9"]) == 0
    campaigns = {line.split(",")[2] for line in (tmp_path / "a.labels.csv").read_text().splitlines()[1:]}
    assert any("sequential" in campaign for campaign in campaigns)
    assert not any("wangiri" in campaign for campaign in campaigns)


@pytest.mark.parametrize(
    ("argv", "status", "complaint"),
    [
        (["--output", "a.txt"], 2, "expected NAME.pcap or NAME.parquet, found a.txt"),
        (["--output", "a.pcap", "--scenario", "none"], 1, "scenario: expected one of demo"),
        (["--output", "a.pcap", "--campaign", "fax"], 1, "campaign kind: expected one of"),
    ],
)
def test_mistakes_are_one_line(
    argv: list[str], status: int, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *argv]) == status
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1


def test_seeds_are_ranges_and_lists(capsys: pytest.CaptureFixture[str]) -> None:
    def seeds(text: str) -> object:
        return build_parser().parse_args(["train", "--output", "m/a/1", "--seeds", text]).seeds

    assert seeds("1-3,9") == (1, 2, 3, 9)
    for wrong in ("", "a", "3-1", "1,1", "1-", "0-99999999999"):
        assert main(["train", "--output", "m/a/1", f"--seeds={wrong}"]) == 2
    assert capsys.readouterr().err.count("argument --seeds") == 6


def test_a_world_is_written_as_call_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "theirs.parquet"
    command = ["simulate", "--world", "lives", "--seed", "2", "--calls", "300", "--hours", "4"]
    assert main([*command, "--output", str(output)]) == 0
    records = parquet.read_table(output)
    assert set(CALL_SCHEMA.names) < set(records.schema.names)
    with (tmp_path / "theirs.labels.csv").open(newline="") as file:
        labels = list(csv.DictReader(file))
    assert [row["call_id"] for row in labels] == records["call_id"].to_pylist()
    spam = sum(row["label"] == "spam" for row in labels)
    assert f"{len(labels)} calls, {spam} of them spam" in capsys.readouterr().err
    events = list(RecordedCalls([str(output)]).events())
    assert sum(batch.num_rows for batch in events) > 2 * len(labels)


@pytest.mark.parametrize(
    ("flags", "status", "complaint"),
    [
        (["--world", "lives", "--output", "a.pcap"], 2, "makes call records, not packets"),
        (["--world", "lives", "--output", "a.parquet"], 2, "--world: expected --seed N"),
        (
            ["--world", "fax", "--seed", "1", "--output", "a.parquet"],
            1,
            "expected one of carrier, lives, drawn, border, agenda",
        ),
        (["--world", "lives", "--scenario", "demo", "--output", "a.parquet"], 2, "--scenario belongs to"),
        (["--world", "lives", "--campaign", "wangiri", "--output", "a.parquet"], 2, "--campaign belongs to"),
        (["--world", "lives", "--callers", "9", "--output", "a.parquet"], 2, "--callers belongs to"),
        (["--calls", "9", "--output", "a.parquet"], 2, "--calls belongs to --world"),
    ],
)
def test_flags_of_worlds_that_do_not_go_together(
    flags: list[str], status: int, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *flags]) == status
    assert complaint in capsys.readouterr().err
