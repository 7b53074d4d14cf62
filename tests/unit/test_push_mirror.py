"""A mirror brings the other side to what is enforced here, whatever happens to it meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest
from verdict_samples import ALICE, BOB, REJECTED, TAGGED, WOULD_REJECT, verdict

from spit.enforce.backoff import FIRST_PAUSE_S, LONGEST_PAUSE_S, Backoff
from spit.enforce.feed import VerdictFeed
from spit.enforce.mirror import Entry, Mirror, TargetError
from spit.enforce.verdicts import CLEAR, CallerVerdict

NOW_US = 100_000_000


class Table:
    """The other side, in memory. ``away``: it answers nobody; ``lost``: it started again."""

    name = "table"

    def __init__(self, *, has_listeners: bool = True) -> None:
        self.has_listeners = has_listeners
        self.held: dict[str, tuple[str, int]] = {}
        self.told: list[str] = []
        self.away = False
        self.lost = False
        self.refuses = 0
        self.refreshed: list[bool] = []
        self.changed = threading.Condition()

    def connect(self) -> None:
        self._check()
        self.lost = False

    def clear(self) -> None:
        self._check()
        self.held.clear()

    def write(self, entries: Sequence[Entry], gone: Sequence[str]) -> None:
        self._check()
        with self.changed:
            for entry in entries:
                self.held[entry.verdict.caller] = (entry.verdict.standing.action.value, entry.ttl_s)
            for caller in gone:
                self.held.pop(caller, None)
            self.changed.notify_all()

    def refresh(self, *, enforces: bool) -> None:
        with self.changed:
            self.refreshed.append(enforces)
            self.changed.notify_all()

    def tell(self, changes: Sequence[CallerVerdict]) -> None:
        self._check()
        with self.changed:
            self.told += [change.caller for change in changes]
            self.changed.notify_all()

    def is_intact(self) -> bool:
        self._check()
        return not self.lost

    def close(self) -> None:
        """Nothing is open."""

    def until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, timeout=30), (self.held, self.told)

    def _check(self) -> None:
        if self.away:
            with self.changed:
                self.refuses += 1
                self.changed.notify_all()
            raise TargetError("nobody there")


class NoPause(Backoff):
    def next_s(self) -> float:
        super().next_s()
        return 0.001


@contextmanager
def mirrored(
    table: Table, feed: VerdictFeed, *, enforces: bool = True, ttl_s: int = 0, max_queue: int = 100
) -> Iterator[Mirror]:
    mirror = Mirror(
        table,
        standing=feed.standing,
        now_us=lambda: NOW_US,
        enforces=lambda: enforces,
        ttl_s=ttl_s,
        max_queue=max_queue,
        check_s=0.005,
        backoff=NoPause(),
    )
    feed.listen(mirror)
    mirror.start()
    try:
        yield mirror
    finally:
        table.away = False
        mirror.finish(30)
        assert mirror.join(30)


def test_what_is_enforced_is_there_with_the_time_that_is_left() -> None:
    table, feed = Table(), VerdictFeed()
    feed.tell(verdict(ALICE, REJECTED, at_s=40))
    with mirrored(table, feed):
        table.until(lambda: table.held == {ALICE: ("reject", 240)})
        feed.tell(verdict(BOB, TAGGED, at_s=100))
        table.until(lambda: table.held.get(BOB) == ("tag", 300))
        feed.tell(verdict(ALICE, CLEAR, at_s=101))
        table.until(lambda: ALICE not in table.held)
        assert table.told == [BOB, ALICE]


def test_where_nobody_listens_nothing_is_told() -> None:
    table, feed = Table(has_listeners=False), VerdictFeed()
    with mirrored(table, feed, max_queue=1) as mirror:
        for at_s, standing in enumerate([TAGGED, REJECTED, TAGGED]):
            feed.tell(verdict(ALICE, standing, at_s=100 + at_s))
        table.until(lambda: table.held == {ALICE: ("tag", 300)})
    assert table.told == []
    assert mirror.counters()["told"] == mirror.counters()["tells_dropped"] == 0


def test_what_is_not_enforced_or_has_expired_is_taken_away() -> None:
    table, feed = Table(), VerdictFeed()
    table.held = {ALICE: ("reject", 9), BOB: ("reject", 9)}
    with mirrored(table, feed):
        feed.tell(verdict(ALICE, WOULD_REJECT, at_s=100))
        feed.tell(verdict(BOB, REJECTED, at_s=-201))
        table.until(lambda: table.told == [ALICE, BOB])
    assert table.held == {}


def test_where_nothing_may_be_enforced_what_an_earlier_run_left_goes() -> None:
    table, feed = Table(), VerdictFeed()
    table.held = {ALICE: ("reject", 9)}
    with mirrored(table, feed, enforces=False):
        table.until(lambda: table.refreshed[:1] == [False])
        assert table.held == {}


def test_a_start_leaves_what_an_earlier_run_still_enforces() -> None:
    table, feed = Table(), VerdictFeed()
    table.held = {ALICE: ("reject", 9)}
    with mirrored(table, feed):
        table.until(lambda: bool(table.refreshed))
        assert table.held == {ALICE: ("reject", 9)}


def test_a_lifetime_of_its_own_and_a_clock_that_jumped() -> None:
    table, feed = Table(), VerdictFeed(ttls_s=[60])
    feed.tell(verdict(ALICE, REJECTED, at_s=70))
    feed.tell(verdict(BOB, REJECTED, at_s=5_000))
    feed.tell(verdict("c", REJECTED, at_s=100, ttl_s=0))
    with mirrored(table, feed, ttl_s=60):
        table.until(lambda: table.held == {ALICE: ("reject", 30), BOB: ("reject", 60)})


def test_everything_is_written_again_when_the_other_side_lost_it() -> None:
    table, feed = Table(), VerdictFeed()
    feed.tell(verdict(ALICE, REJECTED, at_s=100))
    with mirrored(table, feed) as mirror:
        table.until(lambda: ALICE in table.held)
        with table.changed:
            table.held.clear()
            table.lost = True
        table.until(lambda: ALICE in table.held)
        assert mirror.counters()["resyncs"] == 2


def test_when_it_is_back_it_gets_all_that_is_enforced_and_loses_what_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    table, feed = Table(), VerdictFeed()
    for caller in ("a", "b", "c"):
        feed.tell(verdict(caller, REJECTED, at_s=100))
    with mirrored(table, feed, max_queue=2) as mirror:
        table.until(lambda: len(table.held) == 3)
        table.away = True
        table.until(lambda: table.refuses >= 2)
        for caller in ("d", "e", "f"):
            feed.tell(verdict(caller, REJECTED, at_s=101))
        feed.tell(verdict("a", CLEAR, at_s=102))
        assert mirror.counters()["queue_dropped"] >= 2
        assert mirror.levels()["up"] == 0
        table.away = False
        table.until(lambda: sorted(table.held) == ["b", "c", "d", "e", "f"])
        assert mirror.counters()["failures"] >= 2
    messages = [record.message for record in caplog.records]
    assert messages == ["table does not take verdicts: nobody there", "table takes verdicts again"]


def test_an_end_writes_what_waits_and_does_not_wait_for_who_is_away() -> None:
    table, feed = Table(), VerdictFeed()
    with mirrored(table, feed):
        table.until(lambda: bool(table.refreshed))
        feed.tell(verdict(ALICE, REJECTED, at_s=100))
    assert table.held == {ALICE: ("reject", 300)}
    away = Table()
    away.away = True
    mirror = Mirror(away, standing=list, now_us=lambda: NOW_US, enforces=lambda: True)
    mirror.start()
    away.until(lambda: away.refuses >= 1)
    mirror.finish(30)
    assert mirror.join(30)


def test_pauses_double_up_to_a_longest_one_and_begin_anew_after_success() -> None:
    backoff = Backoff(jitter=lambda: 1.0)
    assert [backoff.next_s() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, LONGEST_PAUSE_S, LONGEST_PAUSE_S]
    backoff.reset()
    assert backoff.next_s() == FIRST_PAUSE_S
    assert Backoff(jitter=lambda: 0.0).next_s() == FIRST_PAUSE_S / 2
