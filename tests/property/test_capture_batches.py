"""A capture's features do not depend on how its events are cut into batches, or on a save between."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from spit import _core
from spit.features import FeatureTable

CAPTURES = Path(__file__).parents[2] / "captures"
SMALL = ["wangiri.pcap", "rotating.pcap", "sequential.pcap"]
NAMES = [*SMALL, pytest.param("demo.pcap.gz", marks=pytest.mark.e2e)]


def batches(name: str, rows: int) -> list[pa.RecordBatch]:
    """The events of a capture as the reader cuts them, then cut again to at most ``rows``."""
    reader = _core.CaptureReader([str(CAPTURES / name)])
    cut: list[pa.RecordBatch] = []
    while (batch := reader.read_events(rows)) is not None:
        cut += [batch.slice(at, rows) for at in range(0, batch.num_rows, rows)]
    assert reader.damages() == []
    return cut


def rows_of(name: str, rows: int, *, scored: bool = False) -> list[dict[str, object]]:
    """The events of a capture, read ``rows`` at a time."""
    reader = _core.CaptureReader([str(CAPTURES / name)])
    found: list[dict[str, object]] = []
    while (batch := reader.read_events(rows, scored=scored)) is not None:
        batch.validate(full=True)
        found += batch.to_pylist()
    return found


@pytest.mark.parametrize("name", NAMES)
def test_scored_events_are_the_attempts_and_ends_with_less_in_them(name: str) -> None:
    wanted = [row for row in rows_of(name, 1_000_000) if row["event"] != "answer"]
    found = rows_of(name, 1_000_000, scored=True)
    # Rows go into columns 64 at a time; one capture has chunks without a text between others that have it.
    assert len(found) > 64
    assert len(found) == len(wanted)
    for row, whole in zip(found, wanted, strict=True):
        left_out = "" if row["event"] == "end" else None
        assert {k: v for k, v in row.items() if v not in (None, left_out)} == {
            k: whole[k] for k, v in row.items() if v not in (None, left_out)
        }
        if row["event"] == "attempt":
            for column in ("caller", "asserted_identity", "origid", "passport_types", "attestation", "media"):
                assert row[column] == whole[column], column


@pytest.mark.parametrize("name", SMALL)
def test_rows_are_the_same_however_many_are_read_at_a_time(name: str) -> None:
    wanted = rows_of(name, 1_000_000)
    for rows in (1, 63, 64, 65, 150):
        assert rows_of(name, rows) == wanted, f"{rows} rows"


def fold(table: FeatureTable, cut: list[pa.RecordBatch]) -> list[npt.NDArray[np.float32]]:
    return [table.observe(batch).values for batch in cut]


def in_one_batch(name: str) -> npt.NDArray[np.float32]:
    whole = pa.Table.from_batches(batches(name, 1_000_000)).combine_chunks().to_batches()
    assert len(whole) == 1
    return np.concatenate(fold(FeatureTable(), whole))


@pytest.mark.parametrize("name", NAMES)
def test_batches_of_any_size_give_the_same_features(name: str) -> None:
    wanted = in_one_batch(name)
    assert len(wanted) > 50
    for rows in (1, 7, 1000):
        found = np.concatenate(fold(FeatureTable(), batches(name, rows)))
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=0, err_msg=f"{rows} rows")


@pytest.mark.parametrize("name", NAMES)
def test_two_runs_with_the_state_saved_between_give_the_same_features(name: str, tmp_path: Path) -> None:
    wanted = in_one_batch(name)
    cut = batches(name, 50)
    first, second = FeatureTable(), FeatureTable()
    found = fold(first, cut[: len(cut) // 2])
    first.save(tmp_path)
    second.load(tmp_path)
    found += fold(second, cut[len(cut) // 2 :])
    np.testing.assert_allclose(np.concatenate(found), wanted, rtol=1e-6, atol=0)
