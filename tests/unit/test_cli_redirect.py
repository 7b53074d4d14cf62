"""``spit redirect`` as a command: what it refuses, what it answers, how it ends."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running_command import DEADLINE_S, Heard, wait_until
from sip_requests import Response, request

from spit.cli import main

LISTEN = ("--listen", "udp:127.0.0.1:0")


@pytest.fixture(autouse=True)
def _signals_and_log() -> Iterator[None]:
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    logging.getLogger("spit").handlers.clear()
    logging.getLogger("spit").propagate = True


def run(*argv: str, capsys: pytest.CaptureFixture[str], meanwhile: Callable[[int, Heard], None]) -> int:
    """The exit status; ``meanwhile`` gets the UDP port and runs beside the command, then comes a SIGTERM."""
    failures: list[BaseException] = []
    heard = Heard(capsys)

    def act() -> None:
        try:
            wait_until(lambda: "SIP redirect on udp:" in heard.text())
            found = re.search(r"SIP redirect on udp:127\.0\.0\.1:(\d+)", heard.text())
            assert found is not None
            meanwhile(int(found[1]), heard)
        except BaseException as error:  # noqa: BLE001  raised again in the test's own thread
            failures.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    acting = threading.Thread(target=act)
    acting.start()
    status = main(["redirect", *argv])
    acting.join(DEADLINE_S)
    if failures:
        raise failures[0]
    return status


def call(port: int, number: int, caller: str) -> Response:
    """One call, acknowledged."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(DEADLINE_S)
        client.connect(("127.0.0.1", port))
        via = f"SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{number};rport"
        client.send(request(via=via, caller=caller))
        response = Response.read(client.recv(65_536))
        while response.code == 100:
            response = Response.read(client.recv(65_536))
        client.send(request("ACK", via=via, caller=caller))
        return response


def settings(tmp_path: Path, mode: str) -> str:
    file = tmp_path / "spit.toml"
    file.write_text(
        f'[policy]\nmode = "{mode}"\nredress = "tel:+12025550000"\nblock = ["+12025550199"]\n'
        "[redirect]\nbudget_ms = 10000\n"
    )
    return str(file)


def test_an_engine_in_this_process_answers_and_the_policy_is_read_again_on_sighup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path, "monitor")

    def meanwhile(port: int, heard: Heard) -> None:
        assert call(port, 1, "+12025550199").code == 404  # monitor: nothing is blocked
        settings(tmp_path, "enforce")
        os.kill(os.getpid(), signal.SIGHUP)
        wait_until(lambda: "changed: policy.mode" in heard.text())
        assert call(port, 2, "+12025550198").code == 404
        response = call(port, 3, "+12025550199")
        assert response.code == 603
        assert "tel=+12025550000" in response["Reason"]

    flags = ("--profile", "prosbc", "--config", config)
    assert run(*LISTEN, *flags, capsys=capsys, meanwhile=meanwhile) == 0


def test_the_end_is_told_with_the_counters(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told: list[Heard] = []

    def meanwhile(port: int, heard: Heard) -> None:
        told.append(heard)
        assert call(port, 1, "+12025550100").code == 503

    flags = ("--profile", "ribbon", "--config", settings(tmp_path, "enforce"), "--observe")
    assert run(*LISTEN, *flags, capsys=capsys, meanwhile=meanwhile) == 0
    last = told[0].text().splitlines()[-1]
    assert re.search(r"ended: .*invites=1 .*answers_clean=1 ", last), last
    assert "attempts=1" in last


@pytest.mark.parametrize(
    ("flags", "status", "line"),
    [
        (["--profile", "prosbc"], 2, "nowhere to listen: expected --listen"),
        ([*LISTEN], 2, "expected --profile NAME"),
        ([*LISTEN, "--profile", "prosbc", "--scorer", "http://127.0.0.1:1", "--read", "x.pcap"], 2, "--read"),
        ([*LISTEN, "--profile", "acme"], 1, "redirect.profile: expected one of clearip, prosbc, ribbon"),
        (["--listen", "5080", "--profile", "prosbc"], 1, "redirect.listen: expected a list of addresses"),
        (
            [*LISTEN, "--profile", "prosbc", "--token-file", "/nonexistent", "--scorer", "http://[::1]:1"],
            1,
            "token",
        ),
    ],
)
def test_what_does_not_go_together_is_one_line(
    flags: list[str], status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redirect", *flags]) == status
    said = capsys.readouterr().err
    assert line in said
    assert len(said.splitlines()) == 1


def test_spit_serve_refuses_to_answer_over_sip_without_a_profile(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spit.toml"
    file.write_text('[redirect]\nlisten = ["127.0.0.1:0"]\n')
    assert main(["serve", "--port", "0", "--config", str(file)]) == 1
    said = capsys.readouterr().err
    assert "redirect.profile: expected the name of a profile, because redirect.listen is set" in said


def test_it_needs_none_of_what_the_http_service_needs() -> None:
    without = "import sys; sys.modules.update(fastapi=None, uvicorn=None, pydantic=None); "
    subprocess.run([sys.executable, "-c", without + "import spit.cli.redirect"], check=True)
