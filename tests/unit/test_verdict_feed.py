"""The feed tells each change once, numbers it, and forgets the oldest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from verdict_samples import ALICE, BOB, REJECTED, TAGGED, WOULD_REJECT, Heard, verdict

from spit.enforce.feed import VerdictFeed, passes
from spit.enforce.verdicts import CLEAR, CallerVerdict, is_listable
from spit.records import Label


def test_a_change_is_told_once_and_an_attempt_that_confirms_it_is_none() -> None:
    feed, heard = VerdictFeed(first_sequence=7), Heard()
    feed.listen(heard)
    assert feed.tell(verdict(ALICE, REJECTED, at_s=1))
    assert not feed.tell(verdict(ALICE, REJECTED, at_s=2))
    assert feed.tell(verdict(ALICE, CLEAR, at_s=3))
    assert not feed.tell(verdict(ALICE, CLEAR, at_s=4))
    told = [(one.sequence, one.was, one.standing) for one in heard.changes]
    assert told == [(7, CLEAR, REJECTED), (8, REJECTED, CLEAR)]
    assert feed.held(ALICE) is None
    assert feed.standing() == []


def test_legitimate_callers_leave_nothing() -> None:
    feed = VerdictFeed()
    assert not feed.tell(verdict(BOB, CLEAR, at_s=1))
    assert feed.standing() == feed.latest(10) == []


def test_an_attempt_that_comes_late_changes_nothing() -> None:
    feed = VerdictFeed()
    feed.tell(verdict(ALICE, REJECTED, at_s=10))
    assert not feed.tell(verdict(ALICE, CLEAR, at_s=9))
    assert feed.held(ALICE) is not None


def test_a_verdict_is_renewed_when_a_quarter_of_its_time_is_over() -> None:
    feed, heard = VerdictFeed(), Heard()
    feed.listen(heard)
    feed.tell(verdict(ALICE, REJECTED, at_s=0))
    for at_s in (10, 74, 75, 76):
        feed.tell(verdict(ALICE, REJECTED, at_s=at_s))
    assert [one.seen_us for one in heard.renewals] == [75_000_000]
    held = feed.held(ALICE)
    assert held is not None
    assert (held.time_us, held.expires_us()) == (0, 375_000_000)
    assert len(heard.changes) == 1


def test_a_shorter_lifetime_elsewhere_renews_sooner_and_a_longer_one_holds_longer() -> None:
    feed, heard = VerdictFeed(ttls_s=[60, 600]), Heard()
    feed.listen(heard)
    feed.tell(verdict(ALICE, REJECTED, at_s=0))
    feed.tell(verdict(ALICE, REJECTED, at_s=15))
    assert len(heard.renewals) == 1
    feed.expire(614_000_000)
    assert feed.held(ALICE) is not None
    feed.expire(615_000_000)
    assert feed.held(ALICE) is None


def test_what_has_expired_is_news_again() -> None:
    feed = VerdictFeed()
    feed.tell(verdict(ALICE, REJECTED, at_s=0))
    feed.tell(verdict(BOB, REJECTED, at_s=100))
    feed.expire(300_000_000)
    assert [one.caller for one in feed.standing()] == [BOB]
    assert feed.tell(verdict(ALICE, REJECTED, at_s=301))


def test_a_lifetime_of_nothing_is_told_but_never_lasts_elsewhere() -> None:
    passing = replace(verdict(ALICE, REJECTED, at_s=5), ttl_s=0)
    assert passing.expires_us() == passing.expires_us(600) == 5_000_000
    feed = VerdictFeed()
    assert feed.tell(passing)
    assert not feed.tell(replace(passing, time_us=6_000_000, seen_us=6_000_000))


def test_the_oldest_changes_leave_a_full_ring_and_are_counted() -> None:
    feed = VerdictFeed(history=3, first_sequence=100)
    for number in range(5):
        feed.tell(verdict(f"+1202555010{number}", TAGGED, at_s=number))
    assert feed.range() == (100, 102, 104)
    assert [one.sequence for one in feed.latest(2)] == [103, 104]
    assert feed.counters()["changes_dropped"] == 2
    found, lost = feed.after(99, 10)
    assert ([one.sequence for one in found], lost) == ([102, 103, 104], 2)
    found, lost = feed.after(102, 1)
    assert ([one.sequence for one in found], lost) == ([103], 0)
    assert feed.after(104, 10) == ([], 0)


def test_the_verdict_confirmed_least_recently_leaves_a_full_table() -> None:
    feed = VerdictFeed(max_callers=2)
    for at_s, caller in enumerate(["a", "b"]):
        feed.tell(verdict(caller, REJECTED, at_s=at_s))
    feed.tell(verdict("a", REJECTED, at_s=200))  # renewed
    feed.tell(verdict("c", REJECTED, at_s=201))
    assert [one.caller for one in feed.standing()] == ["a", "c"]
    assert feed.counters()["callers_evicted"] == 1


def test_judging_anew_tells_what_changed_and_leaves_what_an_attempt_changed_meanwhile() -> None:
    feed, heard = VerdictFeed(), Heard()
    for caller in (ALICE, BOB):
        feed.tell(verdict(caller, REJECTED, at_s=1))
    feed.listen(heard)

    def judge(held: list[CallerVerdict]) -> list[CallerVerdict]:
        feed.tell(verdict(BOB, TAGGED, at_s=2))
        return [replace(one, standing=WOULD_REJECT) for one in held]

    assert feed.reconsider(judge) == 1
    assert [(one.caller, one.standing, one.was) for one in heard.changes] == [
        (BOB, TAGGED, REJECTED),
        (ALICE, WOULD_REJECT, REJECTED),
    ]
    assert feed.levels() == {"callers": 2, "callers_enforced": 1}


def test_who_sees_a_caller_come_sees_it_go() -> None:
    gone = replace(verdict(ALICE, CLEAR, at_s=1), was=REJECTED)
    assert passes(gone, labels=frozenset({Label.SPAM}))
    assert passes(gone, actions=frozenset({"reject"}), labels=frozenset({Label.SPAM}))
    assert not passes(gone, labels=frozenset({Label.SUSPECT}))
    # Not one half from each.
    assert not passes(gone, labels=frozenset({Label.SPAM}), actions=frozenset({"allow"}))
    assert passes(gone)


def test_who_listens_no_more_hears_nothing() -> None:
    feed, heard = VerdictFeed(), Heard()
    feed.listen(heard)
    feed.ignore(heard)
    feed.tell(verdict(ALICE, REJECTED, at_s=1))
    assert heard.changes == []


@pytest.mark.parametrize("caller", ["", "a b", "a\nb", "a\x00", "+1\u2028", "x" * 257])
def test_what_no_list_can_name(caller: str) -> None:
    assert not is_listable(caller)


@pytest.mark.parametrize("caller", ["+12025550199", "alice@example.org", "jörg@example.org", "x" * 256])
def test_what_lists_can_name(caller: str) -> None:
    assert is_listable(caller)
