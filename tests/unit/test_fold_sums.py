from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from spit._core import Sums

MINUTE_US = 60_000_000


def keys(*values: int) -> npt.NDArray[np.uint64]:
    return np.array(values, np.uint64)


def times(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


def new_sums(max_keys: int = 100) -> Sums:
    return Sums(2, [60.0, 3600.0], idle_s=86_400.0, max_keys=max_keys)


def test_column_order_is_window_major_and_a_row_reads_before_it_updates() -> None:
    answer = new_sums().fold(keys(7, 7), times(0, MINUTE_US), np.array([[1.0, 4.0], [1.0, 0.0]]))
    assert answer.shape == (2, 4)
    assert answer[0].tolist() == [0.0] * 4
    minute, hour = math.exp(-1), math.exp(-1 / 60)
    assert answer[1] == pytest.approx([minute, 4 * minute, hour, 4 * hour])


def test_read_does_not_change_the_state() -> None:
    sums = new_sums()
    sums.fold(keys(7), times(0), np.array([[1.0, 2.0]]))
    before = sums.state()
    assert sums.read(keys(7, 0, 8), times(0, 0, 0))[[0, 2]].tolist() == [[1, 2, 1, 2], [0, 0, 0, 0]]
    assert np.isnan(sums.read(keys(0), times(0))).all()
    assert sums.state().equals(before)


def test_state_goes_through_arrow_ipc_bit_exactly() -> None:
    sums, rng = new_sums(50), np.random.default_rng(1)
    n = 2000
    k = rng.integers(0, 200, n, dtype=np.uint64)
    t = np.cumsum(rng.integers(0, 3 * MINUTE_US, n))
    c = rng.integers(0, 3, (n, 2)).astype(np.float64)
    expected = new_sums(50).fold(k, t, c)
    sums.fold(k[:777], t[:777], c[:777])
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, sums.state().schema) as writer:
        writer.write_batch(sums.state())
    restored = new_sums(50)
    restored.restore(pa.ipc.open_file(sink.getvalue()).get_batch(0))
    assert restored.counters() == sums.counters()
    assert len(restored) == len(sums) == 50
    assert restored.counters()["evicted_full"] > 0
    found = restored.fold(k[777:], t[777:], c[777:])
    np.testing.assert_array_equal(found.view(np.uint64), expected[777:].view(np.uint64))


def test_restore_takes_a_slice_of_a_larger_batch() -> None:
    sums = new_sums()
    sums.fold(keys(7, 8, 9), times(0, 0, 0), np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
    restored = new_sums()
    restored.restore(sums.state().replace_schema_metadata({**_metadata(sums), "cursor": "0"}).slice(1, 2))
    assert restored.read(keys(7, 8, 9), times(0, 0, 0))[:, :2].tolist() == [[0, 0], [3, 4], [5, 6]]


def _metadata(sums: Sums) -> dict[str, str]:
    return {k.decode(): v.decode() for k, v in sums.state().schema.metadata.items()}


def test_restore_names_what_was_expected_and_found() -> None:
    sums = new_sums()
    state = sums.state()
    with pytest.raises(ValueError, match=r"expected sums width=3 .* found sums width=2"):
        Sums(3, [60.0, 3600.0], idle_s=86_400.0, max_keys=1).restore(state)
    with pytest.raises(ValueError, match="expected a column key, found none"):
        sums.restore(state.drop_columns(["key"]))
    with pytest.raises(ValueError, match=r"expected cursor in the schema's metadata"):
        sums.restore(state.replace_schema_metadata({"parameters": "x"}))
    with pytest.raises(ValueError, match=r"evicted_idle: expected a whole number, found \"x\""):
        sums.restore(state.replace_schema_metadata({**_metadata(sums), "evicted_idle": "x"}))
    wrong = pa.record_batch(
        {"key": pa.array([], pa.int64()), "time_us": state["time_us"], "values": state["values"]}
    )
    with pytest.raises(ValueError, match="column key: expected uint64, found Int64"):
        sums.restore(wrong.replace_schema_metadata(_metadata(sums)))


def test_shapes_are_checked_by_name() -> None:
    sums = new_sums()
    with pytest.raises(ValueError, match=r"contributions: expected the shape \(1, 2\), found \[1, 3\]"):
        sums.fold(keys(1), times(0), np.ones((1, 3)))
    with pytest.raises(ValueError, match="times_us: expected 2 values"):
        sums.read(keys(1, 2), times(0))
    with pytest.raises(ValueError, match="keys: expected a C-contiguous array"):
        sums.read(keys(1, 2, 3, 4)[::2], times(0, 0))
    with pytest.raises(ValueError, match="contributions: expected a C-contiguous array"):
        sums.fold(keys(1, 2), times(0, 0), np.asfortranarray(np.ones((2, 2))))
    with pytest.raises(ValueError, match="row 0, column 1: expected a number within 1e30, found inf"):
        sums.fold(keys(1), times(0), np.array([[0.0, np.inf]]))
    assert len(sums) == 0


def test_an_empty_batch_is_no_event() -> None:
    assert new_sums().fold(keys(), times(), np.empty((0, 2))).shape == (0, 4)


@pytest.mark.parametrize(
    ("width", "windows", "idle_s", "max_keys", "message"),
    [
        (0, [60.0], 1.0, 1, "at least one contribution"),
        (1, [], 1.0, 1, "at least one contribution"),
        (1, [0.0], 1.0, 1, "time constant: expected a positive number of seconds, found 0"),
        (1, [60.0], -1.0, 1, "idle_s: expected a positive"),
        (1, [60.0], 1.0, 0, "the limit of keys: expected 1 to"),
    ],
)
def test_impossible_parameters_are_refused(
    width: int, windows: list[float], idle_s: float, max_keys: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Sums(width, windows, idle_s=idle_s, max_keys=max_keys)


def test_merge_adds_and_leaves_the_other_as_it_was() -> None:
    a, b = new_sums(), new_sums()
    a.fold(keys(7), times(0), np.array([[1.0, 0.0]]))
    b.fold(keys(7, 8), times(MINUTE_US, 0), np.array([[1.0, 0.0], [0.0, 1.0]]))
    a.merge(b)
    at = times(MINUTE_US, MINUTE_US)
    assert a.read(keys(7, 8), at)[:, 0] == pytest.approx([1 + math.exp(-1), 0.0])
    assert b.read(keys(7), at[:1])[0, 0] == 1.0
    with pytest.raises(ValueError, match=r"merge: expected sums width=2"):
        a.merge(Sums(1, [60.0], idle_s=1.0, max_keys=1))
