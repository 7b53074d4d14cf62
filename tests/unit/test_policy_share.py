"""Enforcing for a share of callers: always the same ones, about as many as was said, nobody who is exempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.config import PolicyConfig
from spit.policy import Policy
from spit.policy.share import is_enforced
from spit.records import ActionKind, Label, Mode, Verdict

CALLERS = [f"+1202555{number:04}" for number in range(4_000)]
SIDES = [True, True, True, False, False, False, True, False]


def policy(share: float, mode: str = "enforce") -> Policy:
    return Policy(PolicyConfig(mode=mode, enforce_share=share, redress="https://example.net/b"))


def spam(caller: str | None) -> Verdict:
    return Verdict(caller, 0.97, Label.SPAM, (), "table/1", 3)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_about_as_many_callers_are_enforced_as_was_said(share: float) -> None:
    enforced = sum(is_enforced(caller, share) for caller in CALLERS)
    # Five standard deviations of a binomial count; exact at both ends.
    assert abs(enforced - share * len(CALLERS)) <= 5 * (len(CALLERS) * share * (1 - share)) ** 0.5


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_who_is_enforced_stays_so_when_the_share_grows(caller: str, one: float, other: float) -> None:
    assert is_enforced(caller, min(one, other)) <= is_enforced(caller, max(one, other))


def test_the_side_of_a_caller_is_the_same_in_every_process() -> None:
    # Fixed once: another hash would move every caller to another side at an upgrade.
    assert [is_enforced(caller, 0.5) for caller in CALLERS[:8]] == SIDES


def test_the_answer_says_which_side_it_is() -> None:
    half = policy(0.5)
    seen = set()
    for caller in CALLERS[:50]:
        actions = {half.decide(spam(caller), callee="+4930123456", exemption=None).kind for _ in range(3)}
        (kind,) = actions
        action = half.decide(spam(caller), callee="+4930123456", exemption=None)
        assert action.would is ActionKind.REJECT
        assert (action.mode, kind) in {
            (Mode.ENFORCE, ActionKind.REJECT),
            (Mode.MONITOR, ActionKind.ALLOW),
        }
        assert (action.sip is not None) == (kind is ActionKind.REJECT)
        seen.add(action.mode)
    assert seen == {Mode.ENFORCE, Mode.MONITOR}


def test_a_share_of_a_monitor_is_nobody() -> None:
    assert policy(1.0, "monitor").mode_of(CALLERS[0]) is Mode.MONITOR


@pytest.mark.parametrize(("share", "mode"), [(0.99, Mode.MONITOR), (1.0, Mode.ENFORCE)])
def test_callers_without_an_identity_are_enforced_last(share: float, mode: Mode) -> None:
    assert policy(share).decide(spam(None), callee="+4930123456", exemption=None).mode is mode


@pytest.mark.parametrize("share", [0.5, 1.0])
@pytest.mark.parametrize(
    ("callee", "exemption"),
    [("112", None), ("urn:service:sos", None), ("+49112", None), ("+4930123456", "emergency")],
)
def test_emergency_calls_are_allowed_on_both_sides(share: float, callee: str, exemption: str | None) -> None:
    for caller in CALLERS[:20]:
        action = policy(share).decide(spam(caller), callee=callee, exemption=exemption)
        assert (action.kind, action.sip, action.add_headers) == (ActionKind.ALLOW, None, {})
