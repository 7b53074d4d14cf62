"""The commands as programs: pipes, standard input, signals, the demonstration capture."""

from __future__ import annotations

import csv
import gzip
import http.client
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
SPIT = [sys.executable, "-m", "spit"]
DEMO = "captures/demo.pcap.gz"
DEMO_LABELS = "captures/demo.labels.csv"


def spit(*argv: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*SPIT, *argv], input=stdin, capture_output=True, check=False, cwd=ROOT)


def test_head_ends_it_quietly() -> None:
    with subprocess.Popen(
        [*SPIT, "messages", DEMO], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read()
    assert json.loads(first)["call_id"]
    assert (process.returncode, said) == (0, b"")


def test_standard_input_gives_the_same_rows_as_the_file() -> None:
    from_file = spit("calls", "--format", "csv", DEMO)
    packed = (ROOT / DEMO).read_bytes()
    for stdin in (packed, gzip.decompress(packed)):
        from_pipe = spit("calls", "--format", "csv", "-", stdin=stdin)
        assert (from_pipe.returncode, from_pipe.stdout) == (0, from_file.stdout)
    assert from_file.stdout.count(b"\n") > 1000


def test_every_labelled_call_is_one_row() -> None:
    rows = [json.loads(line) for line in spit("calls", DEMO).stdout.splitlines()]
    with (ROOT / DEMO_LABELS).open(newline="") as file:
        labelled = [row["call_id"] for row in csv.DictReader(file)]
    assert sorted(row["call_id"] for row in rows) == sorted(labelled)


def test_scores_have_the_columns_of_the_contract() -> None:
    columns = [
        "caller", "label", "score", "action", "reasons", "attempts", "flagged_at_attempt", "first_seen",
        "last_seen", "source_ips", "model", "call_ids",
    ]  # fmt: skip
    by_caller = [json.loads(line) for line in spit("score", DEMO).stdout.splitlines()]
    assert [list(row) for row in by_caller] == [columns] * len(by_caller)
    assert {row["label"] for row in by_caller} >= {"spam", "legit"}
    assert all(row["reasons"] for row in by_caller if row["label"] == "spam")
    by_call = [json.loads(line) for line in spit("score", "--by", "call", DEMO).stdout.splitlines()]
    assert set(by_call[0]) == {*columns, "call_id", "time", "callee"}
    assert sum(row["attempts"] for row in by_caller) == sum(row["caller"] is not None for row in by_call)


def test_the_table_compares_with_the_labels() -> None:
    run = spit("score", "--format", "table", "--labels", DEMO_LABELS, DEMO)
    assert (run.returncode, run.stderr) == (0, b"")
    text = run.stdout.decode()
    found = re.search(r"Found (\d+) of (\d+) spam callers", text)
    assert found is not None
    assert 0 < int(found[1]) <= int(found[2])
    assert "    - " in text  # reasons in words


def test_serve_answers_and_stops() -> None:
    with subprocess.Popen(
        [*SPIT, "serve", "--port", "0", "--read", DEMO], stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        said = ""
        while "startup complete" not in said:
            line = process.stderr.readline()
            assert line, f"it ended before it listened: {said}"
            said += line
        address = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", said)
        assert address is not None
        connection = http.client.HTTPConnection("127.0.0.1", int(address[1]))
        connection.request("GET", "/healthz")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGTERM)
        said += process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["messages", "calls"])
def test_a_live_pipe_gives_its_rows_before_it_ends(command: str) -> None:
    capture = (ROOT / "captures" / "wangiri.pcap").read_bytes()
    with subprocess.Popen(
        [*SPIT, command, "--format", "jsonl", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(capture)
        process.stdin.flush()
        # The pipe is still open: this line would never come if rows waited for its end.
        assert json.loads(process.stdout.readline())["call_id"]
        process.stdin.close()
        rest = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert len(rest) + 1 == len(spit(command, "captures/wangiri.pcap").stdout.splitlines())
