"""``spit score``: by campaign in every format, and the detector that needs no model."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spit.cli import main
from spit.cli.score import _BATCHES_BEFORE, _begun
from spit.engine.campaign_rows import CAMPAIGN_SCHEMA

DEMO = str(Path(__file__).parents[2] / "captures" / "demo.pcap.gz")


def _score(tmp_path: Path, format_: str, *flags: str) -> Path:
    output = tmp_path / f"rows.{format_}"
    assert main(["score", *flags, "--format", format_, "--output", str(output), DEMO]) == 0
    return output


def test_by_campaign_in_every_format(tmp_path: Path) -> None:
    rows = [
        json.loads(line) for line in _score(tmp_path, "jsonl", "--by", "campaign").read_text().splitlines()
    ]
    assert {tuple(row) for row in rows} == {tuple(CAMPAIGN_SCHEMA.names)}
    rotating = max(rows, key=lambda row: row["callers"])
    assert rotating["callers"] >= 5
    assert rotating["campaign"].startswith(("peer ", "fingerprint "))
    assert any(tie.startswith("sent by the same address") for tie in rotating["ties"])
    assert rotating["attempts"] >= rotating["flagged_at_attempt"] > 0
    assert rotating["call_ids"]
    with _score(tmp_path, "csv", "--by", "campaign").open(newline="") as file:
        assert [row["campaign"] for row in csv.DictReader(file)] == [row["campaign"] for row in rows]
    assert pq.read_table(_score(tmp_path, "parquet", "--by", "campaign")).schema.equals(CAMPAIGN_SCHEMA)
    table = _score(tmp_path, "table", "--by", "campaign").read_text()
    assert "callers such as +" in table
    assert f"{len(rows)} campaigns:" in table


def test_novelty_needs_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        json.loads(line)
        for line in _score(tmp_path, "jsonl", "--detector", "novelty").read_text().splitlines()
    ]
    assert {row["model"] for row in rows} == {"novelty/1"}
    assert rows[0]["label"] in ("spam", "suspect")
    assert rows[0]["reasons"]
    assert main(["score", "--detector", "novelty", "--model", "x", DEMO]) == 2
    assert "--model: expected none beside --detector novelty" in capsys.readouterr().err


def test_novelty_with_too_few_attempts_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    small = str(Path(DEMO).parent / "wangiri.pcap")
    assert main(["score", "--detector", "novelty", small]) == 1
    assert "novelty: expected at least 200 attempts to learn from, found" in capsys.readouterr().err


def test_batches_are_read_while_the_model_is() -> None:
    building: Future[None] = Future()
    read: list[int] = []

    def batches(count: int) -> Iterator[pa.RecordBatch]:
        for number in range(count):
            read.append(number)
            yield pa.record_batch([pa.array([number])], names=["number"])

    assert [one["number"][0].as_py() for one in _begun(batches(2), building)] == [
        0,
        1,
    ]  # no more than there are
    assert read == [0, 1]
    read.clear()
    late = _begun(batches(9), building)
    assert len(read) == _BATCHES_BEFORE  # and no more than may wait
    building.set_result(None)
    assert [one["number"][0].as_py() for one in late] == list(range(9))
