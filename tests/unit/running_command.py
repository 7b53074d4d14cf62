"""A command that runs until a signal ends it, over a capture that the test feeds."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from fake_live_reader import FakeLiveReader

from spit import _core
from spit.cli import main

DEADLINE_S = 30


@contextmanager
def fake_capture(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """``_core.LiveReader`` is the fake; signals and the log are as before afterwards."""
    monkeypatch.setattr(_core, "LiveReader", FakeLiveReader, raising=False)
    monkeypatch.setattr(_core, "drop_privileges", lambda _user: None, raising=False)
    FakeLiveReader.opened.clear()
    numbers = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
    before = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)
    for name in ("spit", "uvicorn"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


def wait_until(condition: Callable[[], object]) -> None:
    """Until it is true; a test that waits for ever fails instead."""
    deadline_s = time.monotonic() + DEADLINE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, "what was waited for did not happen"
        pause.wait(0.005)


class Heard:
    """What the command said on standard error so far."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._text = ""

    def text(self) -> str:
        self._text += self._capsys.readouterr().err
        return self._text


def run_command(*argv: str, meanwhile: Callable[[FakeLiveReader], None]) -> int:
    """The exit status; ``meanwhile`` runs beside the command, which then gets a SIGTERM."""
    failures: list[BaseException] = []

    def act() -> None:
        try:
            wait_until(lambda: FakeLiveReader.opened and FakeLiveReader.opened[0].started)
            meanwhile(FakeLiveReader.opened[0])
        except BaseException as error:  # noqa: BLE001  raised again in the test's own thread
            failures.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    acting = threading.Thread(target=act)
    acting.start()
    status = main(list(argv))
    acting.join(DEADLINE_S)
    if failures:
        raise failures[0]
    return status
