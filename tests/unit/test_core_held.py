"""Large batches are freed without the interpreter, by whoever holds them last."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from spit._core import Held

MEBIBYTE = 2**20


def test_what_nobody_else_has_is_freed_when_it_is_released() -> None:
    before = pa.total_allocated_bytes()
    # Arrow's own memory: what numpy lends is not in its count.
    column = pa.concat_arrays([pa.array(np.zeros(MEBIBYTE)), pa.array(np.ones(MEBIBYTE))])
    batch = pa.record_batch([column], names=["values"])
    del column
    held = Held(batch)
    assert batch["values"][MEBIBYTE].as_py() == 1.0
    del batch
    assert pa.total_allocated_bytes() - before >= 16 * MEBIBYTE
    held.release()
    assert pa.total_allocated_bytes() - before < MEBIBYTE
    held.release()  # once more does nothing


def test_others_keep_what_they_have() -> None:
    batch = pa.record_batch([pa.array(["a", None])], names=["text"])
    held = Held(batch)
    held.release()
    assert batch["text"].to_pylist() == ["a", None]


def test_it_holds_batches_only() -> None:
    with pytest.raises(ValueError, match="Expected an object"):
        Held(object())  # what pa.RecordBatch is, no type checker knows
