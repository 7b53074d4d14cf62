"""What main makes of the ways a command can end."""

from __future__ import annotations

import argparse
import errno
import types

import pytest

import spit.cli
from spit.cli import main
from spit.cli.parser import UsageError
from spit.errors import InputError


def end_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_arguments: argparse.Namespace) -> int:
        raise error

    command = types.SimpleNamespace(run=run)
    monkeypatch.setattr(spit.cli.importlib, "import_module", lambda _name: command)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (
            InputError("a.pcap: expected a capture, found text"),
            1,
            "spit: a.pcap: expected a capture, found text\n",
        ),
        (InputError("bad\nname\x1b[2J"), 1, "spit: bad\\nname\\x1b[2J\n"),
        (UsageError("no"), 2, "spit: no (spit calls --help tells more)\n"),
        (KeyboardInterrupt(), 130, ""),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "spit: [Errno 28] No space left on device\n"),
        (
            PermissionError(errno.EACCES, "Permission denied", "x.toml"),
            1,
            "spit: x.toml: Permission denied\n",
        ),
    ],
)
def test_errors_are_one_line(
    error: BaseException,
    status: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    end_with(error, monkeypatch)
    assert main(["calls", "a.pcap"]) == status
    assert capsys.readouterr() == ("", said)


def test_a_mistake_of_ours_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    end_with(ZeroDivisionError(), monkeypatch)
    with pytest.raises(ZeroDivisionError):
        main(["calls", "a.pcap"])
