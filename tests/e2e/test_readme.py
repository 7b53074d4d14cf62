"""The README's console blocks are what the commands print."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS: list[tuple[str, str]] = re.findall(r"```console\n\$ ([^\n]*)\n(.*?)```", README, re.DOTALL)
OFFLINE = [block for block in BLOCKS if not block[0].startswith("curl")]
ONLINE = [block for block in BLOCKS if block[0].startswith("curl")]


def run(command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, cwd=ROOT, env=environment
    )
    assert done.stderr == ""
    return done.stdout


def test_the_readme_has_a_session_and_a_query() -> None:
    assert len(OFFLINE) >= 4
    assert len(ONLINE) >= 2


@pytest.mark.parametrize(("command", "printed"), OFFLINE, ids=[command for command, _ in OFFLINE])
def test_commands_print_what_the_readme_shows(command: str, printed: str) -> None:
    assert run(command) == printed


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, "-m", "spit", "serve", "--port", "0", "--read", "captures/demo.pcap.gz"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stderr is not None
        said = ""
        while "startup complete" not in said:
            line = process.stderr.readline()
            assert line, f"it ended before it listened: {said}"
            said += line
        address = re.search(r"Listening on http://127\.0\.0\.1:(\d+)", said)
        assert address is not None
        yield int(address[1])
        process.send_signal(signal.SIGTERM)
        process.stderr.read()


@pytest.mark.parametrize(("command", "printed"), ONLINE, ids=[command for command, _ in ONLINE])
def test_the_service_answers_what_the_readme_shows(command: str, printed: str, port: int) -> None:
    assert run(command.replace(":8060", f":{port}")).rstrip("\n") == printed.rstrip("\n")
