"""The block list is CSV of those whose calls are ended, and its file is never half."""

from __future__ import annotations

from pathlib import Path

import pytest
from verdict_samples import ALICE, BOB, REJECTED, TAGGED, WOULD_REJECT, verdict

from spit.enforce.block_list import BlockListFile, block_list
from spit.enforce.verdicts import Standing
from spit.records import ActionKind, Label

DROPPED = Standing(Label.SPAM, ActionKind.DROP, ActionKind.DROP)
NOW_US = 1_700_000_000_000_000


def test_a_line_for_each_caller_whose_calls_are_ended_now() -> None:
    now_s = NOW_US / 1e6
    held = [
        verdict(BOB, REJECTED, at_s=now_s),
        verdict(ALICE, DROPPED, at_s=now_s - 299),
        verdict("tagged", TAGGED, at_s=now_s),
        verdict("monitored", WOULD_REJECT, at_s=now_s),
        verdict("expired", REJECTED, at_s=now_s - 300),
        verdict("forgotten", REJECTED, at_s=now_s, ttl_s=0),
        verdict('o"brien,x@example.org', REJECTED, at_s=now_s),
    ]
    assert block_list(held, NOW_US) == (
        "caller,action,expires\n"
        f"{ALICE},drop,2023-11-14T22:13:21Z\n"
        f"{BOB},reject,2023-11-14T22:18:20Z\n"
        '"o""brien,x@example.org",reject,2023-11-14T22:18:20Z\n'
    )


def test_the_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "block.csv"
    file = BlockListFile(path)
    assert file.write([verdict(ALICE, REJECTED, at_s=NOW_US / 1e6)], NOW_US)
    with path.open() as reader:
        assert file.write([], NOW_US)
        assert len(reader.readlines()) == 2  # who has it open reads the old one to its end
    assert path.read_text() == "caller,action,expires\n"
    assert [one.name for one in tmp_path.iterdir()] == ["block.csv"]
    assert file.counters() == {"writes": 2, "failures": 0}


def test_a_file_that_cannot_be_written_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = BlockListFile(tmp_path / "none" / "block.csv")
    assert not file.write([], NOW_US)
    assert not file.write([], NOW_US)
    (tmp_path / "none").mkdir()
    assert file.write([], NOW_US)
    messages = [record.message for record in caplog.records]
    assert len(messages) == 2
    assert messages[0].startswith(f"{file.path} cannot be written: No such file or directory")
    assert messages[1] == f"{file.path} is written again"
    assert file.counters() == {"writes": 1, "failures": 2}
