"""Flags, exit statuses, and that help loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from spit import __version__
from spit.cli import main

COMMANDS = ("messages", "calls", "score", "simulate", "train", "evaluate", "serve", "agent", "replay")
HEAVY = {"pyarrow", "numpy", "pandas", "sklearn", "scapy", "fastapi", "onnxruntime", "uvicorn", "spit._core"}

_LIST_MODULES = """
import contextlib, io, json, sys
from spit.cli import main
with contextlib.redirect_stdout(io.StringIO()):
    statuses = [main([*argv, "--help"]) for argv in json.loads(sys.argv[1])]
print(json.dumps([statuses, sorted(sys.modules)]))
"""


def test_help_loads_nothing_heavy() -> None:
    commands = [[], *([command] for command in COMMANDS)]
    answer = subprocess.run(
        [sys.executable, "-c", _LIST_MODULES, json.dumps(commands)], capture_output=True, check=True
    )
    statuses, modules = json.loads(answer.stdout)
    assert statuses == [0] * len(commands)
    assert HEAVY.isdisjoint(modules)
    assert "spit.cli.parser" in modules


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"spit {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ([], "required: COMMAND"),
        (["decode"], "invalid choice: 'decode'"),
        (["calls"], "required: FILE"),
        (["calls", "--format", "xml", "a.pcap"], "invalid choice: 'xml'"),
        (["score", "--by", "country", "a.pcap"], "invalid choice: 'country'"),
        (["serve", "--port", "65536"], "expected a port from 0 to 65535, found 65536"),
        (["simulate", "--output", "a.pcap", "--hours", "nan"], "expected a number above 0, found nan"),
        (["simulate", "--output", "a.pcap", "--callers", "0"], "at least 1, found 0"),
    ],
)
def test_usage_errors_exit_2(argv: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err
    assert captured.out == ""
