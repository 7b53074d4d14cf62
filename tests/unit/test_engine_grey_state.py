"""Who was refused may call back after a restart too: grey callers are saved with the engine's state."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from spit.cli.detector import build_engine
from spit.cli.observers import open_observers
from spit.config import Config
from spit.engine import checkpoint
from spit.engine.engine import Engine
from spit.errors import InputError
from spit.policy.grey import GreyMemory
from spit.policy.lists import Lists

KEYS = [("", "+12025550100", "+4930123456"), ("acme", "+12025550101", None)]
SECOND_US = 1_000_000


def engine_of(lists: Lists) -> Engine:
    """As ``spit serve`` builds it."""
    observers = open_observers(Config(), lists=lists)
    return build_engine(Config(), observers.all(), observers.saved())


def passes(memory: GreyMemory, at_s: int) -> list[bool]:
    return [memory.passes(key, at_s * SECOND_US, delay_s=60, window_s=600) for key in KEYS]


@pytest.mark.parametrize("called", [True, False])
def test_a_call_back_passes_after_a_restart(called: bool, tmp_path: Path) -> None:
    before, after = Lists(), Lists()
    if called:
        assert passes(before.grey, 1000) == [False, False]
    engine_of(before).save(tmp_path)
    engine_of(after).load(tmp_path)
    assert after.grey.pairs() == before.grey.pairs()
    assert passes(after.grey, 1060) == [called, called]


def test_a_state_without_grey_callers_and_one_that_is_damaged(tmp_path: Path) -> None:
    lists = Lists()
    engine_of(lists).save(tmp_path)
    file = checkpoint.current_snapshot(tmp_path) / "grey.arrow"
    file.unlink()
    passes(lists.grey, 1000)
    engine_of(lists).load(tmp_path)
    checkpoint.write_batch(file, pa.RecordBatch.from_pydict({"other": [1]}))
    with pytest.raises(InputError, match="expected grey callers of this version"):
        engine_of(lists).load(tmp_path)
    assert len(lists.grey.pairs()) == 2
