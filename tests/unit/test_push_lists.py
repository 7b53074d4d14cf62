"""The lists of the control database reach what is pushed: before the label, and at once."""

from __future__ import annotations

import pytest
from feature_events import ALICE, BOB
from test_engine_verdict_changes import ENFORCE, LATER_US, Watched, calls

from spit.cli.pushing import listed_for_all
from spit.lists import ListEntry, ListKind
from spit.policy.list_index import ListIndex
from spit.policy.lists import Lists
from spit.policy.policy import Policy
from spit.records import ActionKind


def index(*entries: ListEntry) -> ListIndex:
    return ListIndex(entries)


def test_an_entry_takes_a_block_back_without_another_attempt() -> None:
    lists, watched = Lists(), Watched()
    watched.engine.policy = Policy(ENFORCE, lists=lists)
    watched.observe(calls())
    assert watched.told()[-1][1].action is ActionKind.REJECT
    lists.index = index(ListEntry(kind=ListKind.ALLOW, pattern=ALICE, id=1))
    assert watched.changes.reconsider(watched.engine.policy, 0, LATER_US) == 1
    assert watched.told()[-1][1].action is ActionKind.ALLOW


def test_a_blocked_caller_is_told_at_its_first_attempt_and_an_allowed_one_never_as_blocked() -> None:
    lists = Lists(
        index(
            ListEntry(kind=ListKind.BLOCK, pattern=BOB, id=1),
            ListEntry(kind=ListKind.ALLOW, pattern=ALICE, id=2),
        )
    )
    for size in (1, 60):
        watched = Watched()
        watched.engine.policy = Policy(ENFORCE, lists=lists)
        for caller in (ALICE, BOB):
            events = calls(caller=caller)
            for start in range(0, events.num_rows, size):
                watched.observe(events.slice(start, size))
        actions = {caller: set[ActionKind]() for caller in (ALICE, BOB)}
        for caller, standing in watched.told():
            actions[caller].add(standing.action)
        assert actions == {ALICE: {ActionKind.ALLOW}, BOB: {ActionKind.REJECT}}
        assert next(one for one in watched.heard.changes if one.caller == BOB).attempts == 1


def test_a_grey_caller_is_told_and_remembered_by_nobody() -> None:
    grey = ListEntry(kind=ListKind.GREY, pattern=BOB, id=1, callback_delay_s=60, callback_window_s=600)
    lists, watched = Lists(index(grey)), Watched()
    watched.engine.policy = Policy(ENFORCE, lists=lists)
    watched.observe(calls(1, caller=BOB))
    (told,) = watched.heard.changes
    assert told.standing.action is ActionKind.THROTTLE
    assert told.expires_us(600) == told.seen_us


@pytest.mark.parametrize(("tenant", "callee"), [("acme", ""), ("", "+4930123456")])
def test_a_block_that_some_calls_are_free_of_leaves_every_copy(tenant: str, callee: str) -> None:
    lists, watched = Lists(), Watched()
    watched.engine.policy = Policy(ENFORCE, lists=lists)
    watched.observe(calls())
    told = watched.heard.changes[-1]
    assert told.expires_us(600) > told.seen_us
    entry = ListEntry(kind=ListKind.ALLOW, pattern=ALICE, tenant=tenant, callee=callee, id=1)
    lists.index = index(entry)
    assert watched.changes.reconsider(watched.engine.policy, 0, LATER_US) == 1
    told = watched.heard.changes[-1]
    assert (told.standing.action, told.was.action) == (ActionKind.REJECT, ActionKind.REJECT)
    assert told.expires_us(600) == told.seen_us  # no mirror holds it, whatever lifetime it gives
    assert watched.changes.reconsider(watched.engine.policy, 0, LATER_US) == 0
    # A call of somebody else's, once the entry is gone, makes it everybody's again.
    lists.index = index()
    watched.observe(calls(10, start_s=700))
    held = watched.feed.held(ALICE)
    assert held is not None
    assert held.ttl_s == ENFORCE.ttl_s


def test_what_holds_for_everybody_is_published() -> None:
    entries = [
        ListEntry(kind=ListKind.BLOCK, pattern="+1*", expires_at_us=2_000_000),
        ListEntry(kind=ListKind.ALLOW, pattern="+2"),
        ListEntry(kind=ListKind.DNO, pattern="+3"),
        ListEntry(kind=ListKind.BLOCK, pattern="+4", tenant="acme"),
        ListEntry(kind=ListKind.CONSENT, pattern="+5", callee="+6"),
        ListEntry(kind=ListKind.BLOCK, pattern="+7", callee="+6"),
        ListEntry(kind=ListKind.GREY, pattern="+8"),
        ListEntry(kind=ListKind.DECOY, pattern="+9"),
    ]
    assert list(listed_for_all(entries)) == [
        ("block", "+1*", 2.0),
        ("allow", "+2", None),
        ("dno", "+3", None),
    ]
