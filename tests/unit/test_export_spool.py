"""The spool keeps order and numbers over any end of the process, within its bound."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spit.errors import SpitError
from spit.export import spool as spool_module
from spit.export.spool import RESERVED_AT_ONCE, Spool

_OPEN: list[Spool] = []


@pytest.fixture(autouse=True)
def close_all() -> Iterator[None]:
    yield
    while _OPEN:
        _OPEN.pop().close()


def opened(directory: Path, *, max_bytes: int = 2**20, first_number: int = 1_000) -> Spool:
    spool = Spool(directory, max_bytes=max_bytes, first_number=first_number)
    _OPEN.append(spool)
    return spool


def drain(spool: Spool) -> list[tuple[int, bytes]]:
    taken = []
    while (one := spool.take(0)) is not None:
        batch, body = one
        taken.append((batch.number, body))
        spool.acknowledge(batch.number)
    return taken


def kill(spool: Spool) -> None:
    """What kill -9 leaves: the files as they are; only the kernel's lock goes."""
    spool._lock_file.close()


def test_first_in_first_out_by_rising_numbers(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for body in (b"a", b"b", b"c"):
        spool.put(body, 1)
    assert drain(spool) == [(1_000, b"a"), (1_001, b"b"), (1_002, b"c")]
    assert spool.take(0) is None


def test_after_a_kill_what_waits_goes_first_and_numbers_go_on(tmp_path: Path) -> None:
    first = opened(tmp_path)
    for body in (b"a", b"b", b"c"):
        first.put(body, 2)
    assert first.take(0) is not None
    first.acknowledge(1_000)
    assert first.take(0) is not None  # on its way when the process dies: sent again, by the same number
    kill(first)
    second = opened(tmp_path, first_number=5)
    assert second.levels() == {"spool_batches": 2, "spool_events": 4, "spool_bytes": 2}
    number = second.put(b"d", 1).number
    assert number > 1_002
    assert drain(second) == [(1_001, b"b"), (1_002, b"c"), (number, b"d")]


def test_numbers_persist_when_everything_was_acknowledged(tmp_path: Path) -> None:
    numbers = []
    for _ in range(3):
        spool = opened(tmp_path, first_number=0)
        numbers += [spool.put(b"x", 1).number, spool.put(b"y", 1).number]
        drain(spool)
        kill(spool)
    assert sorted(set(numbers)) == numbers


def test_an_orderly_end_leaves_no_gap(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.put(b"x", 1)
    spool.close()
    assert opened(tmp_path).put(b"y", 1).number == 1_001


def test_more_batches_than_are_reserved_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_module.os, "fsync", lambda _descriptor: None)  # type: ignore[attr-defined]
    spool = opened(tmp_path, first_number=1)
    for number in range(1, RESERVED_AT_ONCE + 3):
        assert spool.put(b"x", 1).number == number
        drain(spool)
    kill(spool)
    assert opened(tmp_path).put(b"x", 1).number > RESERVED_AT_ONCE + 2


def test_a_lost_folder_goes_on_above_by_the_time(tmp_path: Path) -> None:
    before = opened(tmp_path / "one", first_number=1_700_000_000_000).put(b"x", 1).number
    after = opened(tmp_path / "two", first_number=1_700_000_060_000).put(b"x", 1).number
    assert after > before


@pytest.mark.parametrize("step", ["write", "sync", "rename", "sync_folder"])
def test_a_failure_at_any_step_of_writing_keeps_the_others_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    spool = opened(tmp_path)
    spool.put(b"kept", 1)
    calls = 0

    def fail_at(wanted: int) -> None:
        nonlocal calls
        calls += 1
        if calls == wanted:
            raise OSError(28, "No space left on device")

    fsync = spool_module.os.fsync  # type: ignore[attr-defined]

    def failing_fsync(descriptor: int) -> None:
        fail_at({"sync": 1, "sync_folder": 2}.get(step, 0))
        fsync(descriptor)

    def failing_open(self: Path, mode: str = "r", **options: object) -> object:
        if step == "write" and mode == "wb":
            raise OSError(28, "No space left on device")
        return real_open(self, mode, **options)  # type: ignore[call-overload]

    def failing_replace(self: Path, target: Path) -> Path:
        if step == "rename":
            raise OSError(28, "No space left on device")
        return real_replace(self, target)

    real_open, real_replace = Path.open, Path.replace
    with monkeypatch.context() as patch:
        patch.setattr(spool_module.os, "fsync", failing_fsync)  # type: ignore[attr-defined]
        patch.setattr(Path, "open", failing_open)
        patch.setattr(Path, "replace", failing_replace)
        with pytest.raises(OSError, match="No space left"):
            spool.put(b"lost", 1)
    kept = spool.put(b"next", 1).number
    kill(spool)
    bodies = [body for _, body in drain(opened(tmp_path))]
    assert bodies == [b"kept", b"next"]
    assert kept > 1_000


def test_leftovers_of_a_kill_while_writing_are_removed(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    path = spool.put(b"whole", 3).path
    (tmp_path / f"{path.name.replace('1000', '1001')}.tmp").write_bytes(b"ha")
    (tmp_path / "next-number.tmp").write_bytes(b"1")
    kill(spool)
    assert [body for _, body in drain(opened(tmp_path))] == [b"whole"]
    assert list(tmp_path.glob("*.tmp")) == []


def test_a_batch_renamed_without_its_reserve_still_counts(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.put(b"x", 1)
    kill(spool)
    (tmp_path / "next-number").write_text("3\n")  # as a copy of an older folder would have it
    assert opened(tmp_path).put(b"y", 1).number == 1_001


def test_the_oldest_goes_when_it_is_full_and_is_counted(tmp_path: Path) -> None:
    spool = opened(tmp_path, max_bytes=30)
    for number in range(5):
        spool.put(bytes([number]) * 10, 7)
    assert spool.levels()["spool_bytes"] == 30
    assert [body[0] for _, body in drain(spool)] == [2, 3, 4]
    counts = spool.counters()
    assert (counts["spool_batches_dropped"], counts["spool_events_dropped"]) == (2, 14)


def test_a_batch_on_its_way_is_not_dropped(tmp_path: Path) -> None:
    spool = opened(tmp_path, max_bytes=20)
    spool.put(b"a" * 10, 1)
    taken = spool.take(0)
    assert taken is not None
    spool.put(b"b" * 10, 1)
    spool.put(b"c" * 10, 1)
    spool.acknowledge(taken[0].number)
    assert [body[:1] for _, body in drain(spool)] == [b"c"]
    assert spool.counters()["spool_batches_dropped"] == 1


def test_a_smaller_bound_holds_from_the_start(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    for _ in range(4):
        spool.put(b"x" * 10, 1)
    kill(spool)
    assert opened(tmp_path, max_bytes=20).levels()["spool_batches"] == 2


def test_the_newest_stays_even_when_it_is_larger_than_the_bound(tmp_path: Path) -> None:
    spool = opened(tmp_path, max_bytes=5)
    spool.put(b"x" * 10, 1)
    assert [len(body) for _, body in drain(spool)] == [10]


def test_rejected_batches_are_kept_apart_within_a_bound(tmp_path: Path) -> None:
    spool = opened(tmp_path, max_bytes=160)
    for _ in range(4):
        number = spool.put(b"x" * 10, 2).number
        assert spool.take(0) is not None
        spool.reject(number)
    assert spool.take(0) is None
    assert [path.name for path in sorted((tmp_path / "rejected").iterdir())] == [
        f"batch-{1_002:019d}-2.arrows",
        f"batch-{1_003:019d}-2.arrows",
    ]
    assert (spool.counters()["batches_rejected"], spool.counters()["events_rejected"]) == (4, 8)


def test_a_batch_that_somebody_removed_is_dropped_and_the_next_goes(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.put(b"gone", 1).path.unlink()
    spool.put(b"here", 1)
    assert [body for _, body in drain(spool)] == [b"here"]
    assert spool.counters()["spool_batches_dropped"] == 1


def test_one_process_at_a_time(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(SpitError, match="the spool is in use by another process"):
        opened(tmp_path)
    first.close()
    opened(tmp_path).close()


def test_a_folder_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpitError, match="the spool cannot be used: "):
        opened(tmp_path / "file" / "spool")
    (tmp_path / "next-number").write_text("many\n")
    with pytest.raises(SpitError, match="expected the next batch number, found 'many'"):
        opened(tmp_path)


def test_only_the_batch_that_was_taken_can_be_acknowledged(tmp_path: Path) -> None:
    spool = opened(tmp_path)
    spool.put(b"a", 1)
    with pytest.raises(ValueError, match="expected the batch that was taken"):
        spool.acknowledge(1_000)
    assert [body for _, body in drain(spool)] == [b"a"]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.one_of(st.integers(1, 12), st.sampled_from(["send", "lose", "kill", "close"])), max_size=25
    )
)
def test_whatever_happens_each_batch_is_delivered_in_order_or_counted_as_dropped(
    tmp_path_factory: pytest.TempPathFactory, steps: list[object]
) -> None:
    directory = tmp_path_factory.mktemp("spool")
    spool = opened(directory, max_bytes=40)
    put: list[int] = []
    delivered: list[int] = []
    dropped = 0
    for step in steps:
        if isinstance(step, int):
            put.append(spool.put(b"x" * step, 1).number)
        elif step in ("send", "lose"):
            taken = spool.take(0)
            if taken is not None:
                delivered.append(taken[0].number)
                if step == "send":
                    spool.acknowledge(taken[0].number)
                else:  # delivered, and the answer was lost
                    spool.release()
        else:
            dropped += spool.counters()["spool_batches_dropped"]
            kill(spool) if step == "kill" else spool.close()
            spool = opened(directory, max_bytes=40)
    delivered += [number for number, _ in drain(spool)]
    dropped += spool.counters()["spool_batches_dropped"]
    spool.close()
    assert put == sorted(set(put))
    assert delivered == sorted(delivered)
    missing = set(put) - set(delivered)
    assert len(missing) <= dropped  # a batch that was delivered may be dropped later
    assert set(delivered) <= set(put)
