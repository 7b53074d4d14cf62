"""An appeal over HTTP reaches the budget, which throttles a detector that blocks the wrong callers, and the
lists, which let its caller pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from serving import ROOT, serving

pytestmark = pytest.mark.e2e


def test_an_appeal_of_a_flagged_caller_is_charged_once_and_lifts_its_block(tmp_path: Path) -> None:
    capture = str(ROOT / "captures" / "telemarketer.pcap")
    command = [sys.executable, "-m", "spit", "score", "--by", "call", "--format", "jsonl", capture]
    calls = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    flagged = [call for call in map(json.loads, calls.splitlines()) if call["label"] == "spam"]
    assert flagged
    call = flagged[-1]
    appeal = {
        "kind": "appeal",
        "reporter": call["caller"],
        "call_id": call["call_id"],
        "time": call["time"] + 60,
    }
    charged = "wrong_blocks_reported"
    flags = ("--feedback", str(tmp_path / "reports.csv"), "--storage", str(tmp_path / "control.db"))
    question = {"caller": call["caller"], "callee": "+4930123456"}
    with serving("--read", capture, *flags) as service:

        def would() -> str:
            answer = json.loads(service.ask("POST", "/v1/score", question)[1])
            return str(answer["would_action"])

        assert service.engine_counter(charged) == 0
        assert would() == "reject"
        lifts = []
        for _ in range(2):  # said twice, charged and lifted once
            status, text = service.ask("POST", "/v1/feedback", appeal)
            assert status == 202, text
            assert json.loads(text)["label"] == "ham"
            lifts.append(json.loads(text)["lift"])
        assert service.engine_counter(charged) == 1
        assert lifts == ["lifted", "passes"]
        assert would() == "allow"
    assert ",appeal," in (tmp_path / "reports.csv").read_text()
