"""The simulator by another author: same seed, same bytes; a label for every call; readable traffic."""

from __future__ import annotations

import ast
import csv
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pyarrow.compute as pc
import pytest

from spit.capture.files import CaptureFiles

BENCHES = Path(__file__).parents[2] / "benches"
#: Some 900 calls; fewer would leave kinds out.
SEED, SIZE = "5", "0.004"
#: Counters of what the traffic has on purpose, or of what every capture has.
INTENDED = {
    "packets", "bytes", "messages", "attempts", "calls_ended", "duplicates", "fragments", "legs_joined",
    "fragments_reassembled", "tcp_segments", "tcp_streams_idle", "passports", "calls_censored",
    "messages_unmatched",
}  # fmt: skip


def simulate(folder: Path, hash_seed: str) -> tuple[Path, Path]:
    """Run the simulator as its users do, in a process whose sets have an order of their own."""
    capture, labels = folder / f"{hash_seed}.pcap", folder / f"{hash_seed}.csv"
    subprocess.run(
        [sys.executable, "-m", "second_opinion", SEED, str(capture), str(labels), "--size", SIZE],
        cwd=BENCHES,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return capture, labels


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return simulate(tmp_path_factory.mktemp("second_opinion"), "1")


def read_labels(path: Path) -> dict[str, dict[str, str]]:
    with path.open(newline="") as file:
        return {row["call_id"]: row for row in csv.DictReader(file)}


def test_same_seed_gives_the_same_bytes(made: tuple[Path, Path], tmp_path: Path) -> None:
    again = simulate(tmp_path, "2")
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in made]


def test_every_call_has_a_label(made: tuple[Path, Path]) -> None:
    labels = read_labels(made[1])
    invited: set[str] = set()
    for batch in CaptureFiles([str(made[0])]).messages():
        invited.update(batch.filter(pc.equal(batch["method"], "INVITE"))["call_id"].to_pylist())
    assert invited == set(labels)
    kinds = Counter((row["label"], row["kind"]) for row in labels.values())
    assert len([kind for side, kind in kinds if side == "spam"]) == 14
    assert len([kind for side, kind in kinds if side == "ham"]) == 23
    assert {row["strength"] for row in labels.values() if row["label"] == "ham"} == {""}
    strengths = {(row["kind"], row["strength"]) for row in labels.values() if row["label"] == "spam"}
    assert len(strengths) == 14 * 3


def test_decoder_finds_only_what_is_intended(made: tuple[Path, Path]) -> None:
    reader = CaptureFiles([str(made[0])])
    attempts = 0
    for batch in reader.events():
        attempts += pc.sum(pc.equal(batch["event"], "attempt")).as_py()
    found = {name: value for name, value in reader.counters().items() if value}
    assert set(found) == INTENDED
    assert found["fragments_reassembled"] * 2 == found["fragments"]
    # The legs of a call are one attempt: all pairs of Call-IDs are joined.
    assert attempts == len(read_labels(made[1])) - found["legs_joined"] == found["attempts"]
    assert reader.damages() == []


def test_size_is_checked(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "second_opinion", SEED, "a.pcap", "a.csv", "--size", "2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(BENCHES)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (
        1,
        "second_opinion: size: expected more than 0 and at most 1, found 2.0\n",
    )
    assert list(tmp_path.iterdir()) == []


def test_it_stays_independent() -> None:
    """Its independence is what it is worth: nothing of spit is imported."""
    imported: set[str] = set()
    for path in (BENCHES / "second_opinion").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported.update(alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add((node.module or "").partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"numpy"}
