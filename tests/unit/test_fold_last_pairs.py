from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from spit._core import Last, Pairs, hash_keys, hash_pairs

SECOND_US = 1_000_000


def test_last_answers_age_and_previous_values() -> None:
    last = Last(2, idle_s=100.0, max_keys=10)
    answer = last.fold(
        np.array([7, 7, 7, 7], np.uint64),
        np.array([0, 5, 6, 200], np.int64) * SECOND_US,
        np.array([[1.0, np.nan], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0]]),
        np.array([True, False, True, True]),
    )
    assert np.isnan(answer[0]).all()
    np.testing.assert_array_equal(answer[1], [5.0, 1.0, np.nan])
    np.testing.assert_array_equal(answer[2], [6.0, 1.0, np.nan])
    assert np.isnan(answer[3]).all()
    assert last.counters() == {"keys": 1, "evicted_idle": 1, "evicted_full": 0}


def test_last_state_keeps_unknown_values() -> None:
    last, restored = (Last(1, idle_s=100.0, max_keys=10) for _ in range(2))
    update = np.array([True, True])
    last.fold(np.array([7, 8], np.uint64), np.array([0, 1]), np.array([[np.nan], [2.0]]), update)
    restored.restore(last.state())
    np.testing.assert_array_equal(
        restored.read(np.array([7, 8], np.uint64), np.array([1, 1])), [[1e-6, np.nan], [0.0, 2.0]]
    )


def test_pairs_answer_within_the_window_only() -> None:
    pairs = Pairs(window_s=10.0, max_pairs=10)
    answer = pairs.fold(
        np.array([7, 7, 7, 0], np.uint64),
        np.array([0, 10, 21, 21], np.int64) * SECOND_US,
        np.array([True, True, True, True]),
    )
    np.testing.assert_array_equal(answer, [np.nan, 10.0, np.nan, np.nan])
    assert pairs.state().schema.names == ["key", "time_us"]


def test_pairs_merge_keeps_the_later_contact() -> None:
    a, b = (Pairs(window_s=100.0, max_pairs=10) for _ in range(2))
    both, yes = np.array([7, 8], np.uint64), np.array([True, True])
    a.fold(both, np.array([0, 9]) * SECOND_US, yes)
    b.fold(both, np.array([5, 2]) * SECOND_US, yes)
    a.merge(b)
    np.testing.assert_array_equal(a.read(both, np.array([10, 10]) * SECOND_US), [5.0, 1.0])


def test_state_of_another_kind_is_refused() -> None:
    pairs, last = Pairs(window_s=10.0, max_pairs=1), Last(1, idle_s=10.0, max_keys=1)
    with pytest.raises(ValueError, match="expected a column values, found none"):
        last.restore(pairs.state())
    with pytest.raises(ValueError, match=r"expected last width=0 .* found last width=1"):
        pairs.restore(last.state())


def test_keys_are_stable_and_null_is_no_key() -> None:
    texts = ["+4930123456", None, "x"]
    expected = hash_keys(pa.array(texts))
    # Pinned: saved state depends on it. Computed by an independent SipHash-1-3.
    assert expected[:2].tolist() == [11_826_719_708_346_065_681, 0]
    for kind in (pa.large_string(), pa.string_view()):
        np.testing.assert_array_equal(hash_keys(pa.array(texts, kind)), expected)
    np.testing.assert_array_equal(hash_keys(pa.array(["y", *texts]).slice(1)), expected)
    assert hash_keys(pa.nulls(2)).tolist() == [0, 0]
    assert hash_keys(pa.array(["x"]), salt=1)[0] != expected[2]
    ab, ba = hash_pairs(pa.array(["a", "b", None]), pa.array(["b", "a", "c"]))[:2]
    assert ab != ba
    assert hash_pairs(pa.array(["a", None]), pa.array([None, "b"])).tolist() == [0, 0]
    with pytest.raises(ValueError, match="column: expected strings, found Int64"):
        hash_keys(pa.array([1]))
    with pytest.raises(ValueError, match="b: expected 1 values, as many as a, found 2"):
        hash_pairs(pa.array(["a"]), pa.array(["a", "b"]))
