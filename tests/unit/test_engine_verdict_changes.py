"""Scored attempts become changes of verdict: once per change, as policy has it, without reaching scoring."""

from __future__ import annotations

import pyarrow as pa
import pytest
from feature_events import ALICE, BOB, attempt, batch
from rate_model import rate_model
from verdict_samples import Heard

from spit.config import PolicyConfig
from spit.enforce.feed import VerdictFeed
from spit.enforce.verdicts import CLEAR, Standing
from spit.engine.engine import Engine
from spit.engine.scored import Scored
from spit.engine.verdict_changes import MAX_EXPLAINED, MAX_WAITING, VerdictChanges
from spit.policy.policy import Policy
from spit.records import ActionKind, Label, Mode

ENFORCE = PolicyConfig(mode="enforce", redress="https://example.net/blocked")
LATER_US = 1_800_000_000_000_000
SPAM = Standing(Label.SPAM, ActionKind.REJECT, ActionKind.REJECT)
SUSPECT = Standing(Label.SUSPECT, ActionKind.TAG, ActionKind.TAG)


class Watched:
    """An engine, who looks on, and what is told."""

    def __init__(
        self, policy: PolicyConfig = ENFORCE, *, max_callers: int = 1000, feed: VerdictFeed | None = None
    ) -> None:
        self.feed = feed or VerdictFeed()
        self.heard = Heard()
        self.feed.listen(self.heard)
        self.changes = VerdictChanges(self.feed, clock=lambda: 0.0)
        self.engine = Engine(
            rate_model("rate/1", 0.3), Policy(policy), max_callers=max_callers, observers=[self.changes]
        )

    def observe(self, events: pa.RecordBatch) -> Scored:
        scored = self.engine.observe(events)
        self.changes.drain()
        return scored

    def told(self) -> list[tuple[str, Standing]]:
        return [(one.caller, one.standing) for one in self.heard.changes]


def calls(count: int = 60, *, caller: str = ALICE, start_s: float = 0.0) -> pa.RecordBatch:
    """One caller who calls a stranger each 10 s: legit, then suspect, then spam by the rate model."""
    return batch(
        *[
            attempt(start_s + 10 * i, caller, f"+4930{i:08}", call_id=f"c{caller}{start_s}{i}")
            for i in range(count)
        ]
    )


def test_each_change_of_label_is_told_once_with_its_reasons() -> None:
    watched = Watched()
    scored = watched.observe(calls())
    assert watched.told() == [(ALICE, SUSPECT), (ALICE, SPAM)]
    first = [scored.labels().index(label) for label in (Label.SUSPECT, Label.SPAM)]
    assert [one.attempts for one in watched.heard.changes] == [at + 1 for at in first]
    assert [one.time_us for one in watched.heard.changes] == scored.events["time_us"].take(
        pa.array(first)
    ).to_pylist()
    assert [one.was for one in watched.heard.changes] == [CLEAR, SUSPECT]
    for change, reasons in zip(watched.heard.changes, scored.reasons(first), strict=True):
        assert change.symbols == tuple(reason.symbol for reason in reasons) != ()
    held = watched.feed.held(ALICE)
    assert held is not None
    assert held.seen_us == scored.events["time_us"][-1].as_py()  # confirmed by the last attempt


def test_however_batches_are_cut_the_same_is_told() -> None:
    events = calls()
    told = []
    for size in (1, 7, 60):
        watched = Watched()
        for start in range(0, events.num_rows, size):
            watched.observe(events.slice(start, size))
        told.append([(one.standing, one.attempts, one.time_us) for one in watched.heard.changes])
    assert told[0] == told[1] == told[2]
    late = Watched()  # nothing is told until everything was scored
    for start in range(events.num_rows):
        late.engine.observe(events.slice(start, 1))
    assert late.heard.changes == []
    late.changes.drain()
    assert [(one.standing, one.attempts, one.time_us) for one in late.heard.changes] == told[0]


def test_in_monitor_mode_the_action_is_to_allow_and_what_enforcing_would_do_is_marked() -> None:
    watched = Watched(PolicyConfig())
    watched.observe(calls())
    last = watched.heard.changes[-1]
    assert last.standing == Standing(Label.SPAM, ActionKind.ALLOW, ActionKind.REJECT)
    assert last.mode is Mode.MONITOR
    assert not any(one.standing.is_enforced for one in watched.feed.standing())


@pytest.mark.parametrize("size", [1, 60])
def test_an_allow_listed_caller_is_told_as_allowed_and_a_block_listed_one_as_blocked(size: int) -> None:
    policy = PolicyConfig(mode="enforce", redress="tel:+1", allow=(ALICE,), block=(BOB[:-1] + "*",))
    watched = Watched(policy)
    for caller in (ALICE, BOB):
        events = calls(caller=caller)
        for start in range(0, events.num_rows, size):
            watched.observe(events.slice(start, size))
    actions = {
        caller: {one.standing.action for one in watched.heard.changes if one.caller == caller}
        for caller in (ALICE, BOB)
    }
    assert actions == {ALICE: {ActionKind.ALLOW}, BOB: {ActionKind.REJECT}}
    (first, *_) = [one for one in watched.heard.changes if one.caller == BOB]
    assert (first.attempts, first.standing.label) == (1, Label.LEGIT)


def test_the_exemption_of_one_call_is_not_the_callers() -> None:
    watched = Watched()
    rows = [attempt(10 * i, ALICE, "112", call_id=f"e{i}", exemption="emergency") for i in range(60)]
    watched.observe(batch(*rows))
    assert watched.told()[-1] == (ALICE, SPAM)


def test_another_policy_reaches_what_is_held_without_another_attempt() -> None:
    watched = Watched()
    watched.observe(calls())

    def judge(policy: Policy, level: int) -> int:
        return watched.changes.reconsider(policy, level, LATER_US)

    assert judge(watched.engine.policy, 0) == 0

    watched.engine.policy = Policy(PolicyConfig())
    seen_us = watched.feed.standing()[0].seen_us
    assert judge(watched.engine.policy, 0) == 1
    assert watched.told()[-1] == (ALICE, Standing(Label.SPAM, ActionKind.ALLOW, ActionKind.REJECT))
    last = watched.heard.changes[-1]
    assert (last.time_us, last.seen_us) == (LATER_US, seen_us)  # it lives no longer for it
    assert judge(watched.engine.policy, 0) == 0

    watched.engine.policy = Policy(PolicyConfig(mode="enforce", redress="tel:+1", allow=(ALICE,)))
    assert judge(watched.engine.policy, 0) == 1
    assert watched.told()[-1][1].action is ActionKind.ALLOW
    assert watched.heard.changes[-1].standing.would_action is ActionKind.ALLOW


def test_an_overspent_budget_takes_blocks_back() -> None:
    watched = Watched()
    watched.observe(calls())
    assert watched.changes.reconsider(watched.engine.policy, 3, LATER_US) == 1
    assert watched.heard.changes[-1].standing.action is ActionKind.TAG


def test_judging_anew_never_raises_a_label() -> None:
    watched, events = Watched(), calls()
    rows = iter(range(events.num_rows))
    while not watched.told():
        watched.observe(events.slice(next(rows), 1))
    assert watched.told() == [(ALICE, SUSPECT)]
    watched.engine.policy = Policy(
        PolicyConfig(mode="enforce", redress="tel:+1", suspect_threshold=0.01, spam_threshold=0.02)
    )
    assert watched.changes.reconsider(watched.engine.policy, 0, LATER_US) == 0


def test_in_a_flood_of_callers_all_are_told_and_some_explained() -> None:
    watched = Watched(PolicyConfig(mode="enforce", redress="tel:+1", suspect_threshold=0.0))
    callers = [f"+1202555{i:04}" for i in range(MAX_EXPLAINED + 10)]
    watched.observe(batch(*[attempt(i, caller, BOB, call_id=f"f{i}") for i, caller in enumerate(callers)]))
    assert [one.caller for one in watched.heard.changes] == callers
    assert sum(bool(one.symbols) for one in watched.heard.changes) == MAX_EXPLAINED


def test_what_waits_is_bounded_and_found_again() -> None:
    watched = Watched(
        PolicyConfig(mode="enforce", redress="tel:+1", suspect_threshold=0.0), max_callers=20_000
    )
    callers = [f"+1202{i:07}" for i in range(MAX_WAITING + 1)]
    rows = [attempt(i / 100, caller, BOB, call_id=f"f{i}") for i, caller in enumerate(callers)]
    watched.engine.observe(batch(*rows))
    assert watched.feed.counters()["changes_left_out"] == 1
    watched.changes.drain()
    assert watched.feed.held(callers[-1]) is None
    watched.observe(batch(attempt(200, callers[-1], BOB, call_id="again")))
    assert watched.feed.held(callers[-1]) is not None


def test_callers_that_no_list_can_name_are_counted() -> None:
    watched = Watched(PolicyConfig(mode="enforce", redress="tel:+1", suspect_threshold=0.0))
    rows = [attempt(i, name, BOB, call_id=f"n{i}") for i, name in enumerate(["a\nb@x", None, "x" * 300])]
    watched.observe(batch(*rows))
    assert watched.told() == []
    assert watched.feed.counters()["callers_unlistable"] == 2


def test_a_failure_is_counted_and_scoring_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(VerdictFeed):
        def is_news(self, verdict: object) -> bool:
            raise RuntimeError(f"out of order: {verdict}")

    watched = Watched(feed=Broken())
    scored = [watched.observe(calls(count, start_s=1000 * at)) for at, count in enumerate([1, 60])]
    assert [len(one) for one in scored] == [1, 60]
    assert watched.feed.counters()["failures"] == 2
    assert [record.message for record in caplog.records] == ["changes of verdict cannot be found"]


def test_a_caller_who_calms_down_is_cleared() -> None:
    watched = Watched()
    watched.observe(calls())
    quiet = batch(attempt(40 * 86_400, ALICE, BOB, call_id="later"))
    scored = watched.observe(quiet)
    assert scored.labels() == [Label.LEGIT]
    assert watched.told()[-1] == (ALICE, CLEAR)
    assert watched.feed.held(ALICE) is None


def test_waiting_ends_when_something_is_found() -> None:
    watched = Watched()
    assert not watched.changes.wait(0)
    watched.engine.observe(calls())
    assert watched.changes.wait(0)
    watched.changes.drain()
    assert not watched.changes.wait(0)
    watched.changes.wake()
    assert watched.changes.wait(0)
