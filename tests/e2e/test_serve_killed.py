"""``kill -9`` of ``spit serve``: what was acknowledged is there, and what of a capture is lost is said."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from serving import DEADLINE_S, serving, wait_until

pytestmark = pytest.mark.e2e


def test_after_kill_9_what_was_saved_is_there_and_what_is_lost_is_said(tmp_path: Path) -> None:
    flags = ["--state", str(tmp_path), "--checkpoint-s", "1"]
    with serving(*flags) as first:
        assert first.send(1) == {"accepted": 1}
        seen = first.saves()
        # A save that began before the batch may still count; the one after it holds the batch.
        wait_until(lambda: first.saves() >= seen + 2)
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(DEADLINE_S)
    with serving(*flags) as second:
        restored = re.search(
            r"state restored: 1 callers, 1 events, saved \S+ \(\d+ s ago\); up to (\d+) s of captured "
            r"traffic before the stop were not saved",
            second.said,
        )
        assert restored is not None, second.said
        assert 1 <= int(restored[1]) <= DEADLINE_S
        assert second.attempts() == 1
        assert second.send(1) == {"accepted": 0, "duplicate": True}
        assert second.send(2) == {"accepted": 1}
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(DEADLINE_S) == 0
    with serving(*flags) as third:
        assert "when it stopped: nothing before that is missing" in third.said
        assert third.attempts() == 2


def test_a_kill_while_a_state_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    flags = ["--state", str(tmp_path), "--checkpoint-s", "1"]
    with serving(*flags) as first:
        first.send(1)
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(DEADLINE_S) == 0
    # What a kill leaves in the middle of a save: a snapshot that CURRENT does not name yet.
    unfinished = tmp_path / "snapshot-999"
    unfinished.mkdir()
    (unfinished / "evidence.arrow").write_bytes(b"half")
    with serving(*flags) as second:
        assert second.attempts() == 1
        wait_until(lambda: not unfinished.exists())


def test_without_a_save_in_between_nothing_accepted_is_lost(tmp_path: Path) -> None:
    flags = ["--state", str(tmp_path), "--checkpoint-s", "86400"]
    with serving(*flags) as first:
        assert first.send(1) == {"accepted": 1}
        assert first.ask("GET", "/v1/score?caller=%2B12025550199&callee=%2B4930123456&observe=true")[0] == 200
        assert first.send(2) == {"accepted": 1}
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(DEADLINE_S)
    with serving(*flags) as second:
        assert "journal: 3 events that were accepted after the state was saved are counted" in second.said
        assert second.attempts() == 3
        assert second.send(2) == {"accepted": 0, "duplicate": True}
