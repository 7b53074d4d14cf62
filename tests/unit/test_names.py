"""Strings in slots, and what identities say, across the border to Rust."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from spit._core import Names, asserted_differs, hash_blocks, hash_keys, numbers, withheld


def test_claim_answers_a_slot_a_row_and_the_fresh_ones() -> None:
    names = Names()
    slots, fresh = names.claim(pa.array(["a", None, "b", "a"]))
    assert (slots.tolist(), fresh.tolist(), len(names)) == ([0, -1, 1, 0], [0, 1], 2)
    names.release(np.array([0], np.int64))
    assert names.slot("a") is None
    slots, fresh = names.claim(pa.array(["b", "c"], pa.large_string()))
    assert (slots.tolist(), fresh.tolist()) == ([1, 0], [0])
    assert names.names(names.slots()).to_pylist() == ["c", "b"]


@pytest.mark.parametrize("slot", [-1, 1, 2**40])
def test_a_slot_without_a_string_is_refused(slot: int) -> None:
    names = Names()
    names.claim(pa.array(["a"]))
    with pytest.raises(ValueError, match=f"found {slot}"):
        names.release(np.array([slot], np.int64))
    with pytest.raises(ValueError, match=f"found {slot}"):
        names.names(np.array([slot], np.int64))


def test_numbers_and_blocks() -> None:
    column = pa.array(["+4930123456", "4930123456", "12345", "alice@example.org", None])
    np.testing.assert_array_equal(numbers(column), [4930123456.0, 4930123456.0, np.nan, np.nan, np.nan])
    key = hash_keys(pa.array(["493012"]), 5)[0]
    assert hash_blocks(column, digits=4, salt=5).tolist() == [key, key, 0, 0, 0]


def test_withheld_and_asserted() -> None:
    callers = pa.array(["Anonymous@anonymous.invalid", "alice@example.org", None])
    assert withheld(callers).tolist() == [True, False, False]
    uris = pa.array(["<sip:anonymous@anonymous.invalid>", "sip:bob@example.org", None])
    assert withheld(uris, uris=True).tolist() == [True, False, False]
    assert asserted_differs(pa.array(["+4930123456", "alice@x", "alice@x"]), uris).tolist() == [
        False,
        True,
        False,
    ]
    with pytest.raises(ValueError, match="expected 3 values"):
        asserted_differs(callers, uris.slice(1))
