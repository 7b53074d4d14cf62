"""Where rows go."""

from __future__ import annotations

import io
import os
import sys
import threading
from pathlib import Path

import pytest

from spit.cli.output import choose_format, open_target
from spit.cli.parser import UsageError
from spit.errors import SpitError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_finished_file_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("old")
    with open_target(str(path)) as stream:
        stream.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]


def test_an_unfinished_file_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("old")

    def interrupted() -> None:
        with open_target(str(path)) as stream:
            stream.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["rows.jsonl"]


def test_a_new_file_obeys_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    before = os.umask(0o027)
    try:
        with open_target(str(path)):
            pass
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_link_keeps_pointing(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    with open_target(str(link)) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_pipe_is_written_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with open_target(str(pipe)) as stream:
        stream.write(b"rows")
    reader.join()
    assert read == [b"rows"]
    assert pipe.is_fifo()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "no" / "rows.csv"
    with (
        pytest.raises(SpitError, match=r"rows\.csv: cannot be written: No such file or directory"),
        open_target(str(path)),
    ):
        pass


def test_the_default_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert choose_format(None, None) == "jsonl"
    assert choose_format("table", None) == "table"
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert choose_format(None, None) == "table"
    assert choose_format(None, "rows.out") == "jsonl"
    assert choose_format("parquet", "rows.parquet") == "parquet"
    with pytest.raises(UsageError, match="--output FILE"):
        choose_format("parquet", None)
