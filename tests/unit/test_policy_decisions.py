"""The policy: labels, exemptions, lists, modes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.config import ACTIONS, PolicyConfig
from spit.policy import Policy
from spit.records import Action, ActionKind, Label, Mode, Verdict

CALLER, CALLEE = "+12025550199", "+4930123456"


def verdict(score: float, policy: Policy, caller: str | None = CALLER) -> Verdict:
    return Verdict(caller, score, policy.label(score), (), "table/1", 3)


def decide(
    config: PolicyConfig,
    score: float,
    *,
    caller: str | None = CALLER,
    callee: str | None = CALLEE,
    exemption: str | None = None,
) -> Action:
    policy = Policy(config)
    return policy.decide(verdict(score, policy, caller), callee=callee, exemption=exemption)


@pytest.mark.parametrize(
    ("score", "label"),
    [
        (0.0, Label.LEGIT),
        (0.4999, Label.LEGIT),
        (0.5, Label.SUSPECT),
        (0.8999, Label.SUSPECT),
        (0.9, Label.SPAM),
        (1.0, Label.SPAM),
        (float("nan"), Label.LEGIT),
    ],
)
def test_a_threshold_belongs_to_the_label_above_it(score: float, label: Label) -> None:
    assert Policy(PolicyConfig()).label(score) is label


@pytest.mark.parametrize(
    ("score", "kind"), [(0.1, ActionKind.ALLOW), (0.6, ActionKind.THROTTLE), (0.95, ActionKind.CHALLENGE)]
)
def test_enforcing_carries_out_the_action_of_the_label(score: float, kind: ActionKind) -> None:
    config = PolicyConfig(mode="enforce", suspect_action="throttle", spam_action="challenge", ttl_s=60)
    assert decide(config, score) == Action(kind, kind, Mode.ENFORCE, None, 60)


def test_monitoring_allows_and_says_what_enforcing_would_do() -> None:
    action = decide(PolicyConfig(), 0.95)
    assert action == Action(ActionKind.ALLOW, ActionKind.REJECT, Mode.MONITOR, None, 300)


def test_only_a_reject_that_is_carried_out_has_a_sip_answer() -> None:
    rejected = decide(PolicyConfig(mode="enforce", reject_profile="607"), 0.95)
    assert rejected.sip is not None
    assert rejected.sip.code == 607
    assert decide(PolicyConfig(mode="enforce", spam_action="drop"), 0.95).sip is None


@pytest.mark.parametrize(
    "callee",
    [
        "112",
        "911@example.net",
        "sip:911@example.net",
        "SIPS:112@example.net",
        "tel:112;phone-context=+49",
        "sip:112;phone-context=+49@example.net",
        "urn:service:sos",
        "URN:service:sos.fire",
        "4242",
        "+49112",
        "+1911",
        "+353112@example.net",
    ],
)
def test_calls_to_an_emergency_number_are_allowed(callee: str) -> None:
    config = PolicyConfig(mode="enforce", block=(CALLER,), emergency_numbers=("112", "911", "4242"))
    action = decide(config, 1.0, callee=callee)
    # ttl 0: an SBC must not remember the exemption for the caller's next call.
    assert action == Action(ActionKind.ALLOW, ActionKind.ALLOW, Mode.ENFORCE, None, 0)


@pytest.mark.parametrize(
    "callee", ["1120", "+491120", "+4930112", "911911@example.net", "112.example.net", "", None]
)
def test_other_callees_are_no_emergency(callee: str | None) -> None:
    assert decide(PolicyConfig(mode="enforce"), 1.0, callee=callee).kind is ActionKind.REJECT


@pytest.mark.parametrize(
    ("caller", "kind"),
    [
        (CALLER, ActionKind.ALLOW),
        ("+4930555", ActionKind.ALLOW),
        ("alice@example.org", ActionKind.ALLOW),
        ("+12025550198", ActionKind.REJECT),
        ("+120255501990", ActionKind.REJECT),
        ("bob@alice@example.org", ActionKind.REJECT),
        (None, ActionKind.REJECT),
    ],
)
def test_allow_list_by_identity_and_prefix(caller: str | None, kind: ActionKind) -> None:
    config = PolicyConfig(mode="enforce", allow=(CALLER, "+4930*", "Alice@Example.org"))
    assert decide(config, 1.0, caller=caller).kind is kind


def test_block_list_gets_the_spam_action_whatever_the_score() -> None:
    config = PolicyConfig(mode="enforce", block=("+1202*",), spam_action="divert")
    assert decide(config, 0.0).kind is ActionKind.DIVERT
    assert decide(config, 0.0, caller="+4930555").kind is ActionKind.ALLOW
    assert decide(config, 0.0, caller=None).kind is ActionKind.ALLOW


def test_allow_goes_before_block() -> None:
    config = PolicyConfig(mode="enforce", allow=(CALLER,), block=("+1*",))
    assert decide(config, 1.0).kind is ActionKind.ALLOW


@given(
    score=st.floats(0, 1),
    mode=st.sampled_from(["monitor", "enforce"]),
    suspect_action=st.sampled_from(ACTIONS),
    spam_action=st.sampled_from(ACTIONS),
    exempt_by=st.sampled_from(["exemption", "callee", "allow list"]),
    blocked=st.booleans(),
)
def test_exempt_and_allowed_calls_are_never_touched(
    score: float, mode: str, suspect_action: str, spam_action: str, exempt_by: str, blocked: bool
) -> None:
    config = PolicyConfig(
        mode=mode,
        suspect_action=suspect_action,
        spam_action=spam_action,
        allow=(CALLER,) if exempt_by == "allow list" else (),
        block=("+*",) if blocked else (),
    )
    action = decide(
        config,
        score,
        callee="112" if exempt_by == "callee" else CALLEE,
        exemption="psap_callback" if exempt_by == "exemption" else None,
    )
    assert action.kind is action.would is ActionKind.ALLOW
    assert action.sip is None


@given(score=st.floats(0, 1), suspect_action=st.sampled_from(ACTIONS), spam_action=st.sampled_from(ACTIONS))
def test_monitoring_only_ever_allows(score: float, suspect_action: str, spam_action: str) -> None:
    monitored = PolicyConfig(suspect_action=suspect_action, spam_action=spam_action)
    enforced = PolicyConfig(mode="enforce", suspect_action=suspect_action, spam_action=spam_action)
    action = decide(monitored, score)
    assert action.kind is ActionKind.ALLOW
    assert action.sip is None
    assert action.would is decide(enforced, score).kind
