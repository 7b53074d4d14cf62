"""What the lists of a control database make of a verdict, beside the configured ones."""

from __future__ import annotations

import pyarrow as pa
import pytest

from spit.config import PolicyConfig
from spit.lists import ListEntry, ListKind
from spit.policy import Policy
from spit.policy.list_index import ListIndex
from spit.policy.lists import Lists
from spit.records import Action, ActionKind, Label, Verdict

CALLER, CALLEE = "+12025550100", "+4930123456"
NOW_US = 1_700_000_000_000_000
REDRESS = "https://example.net/blocked"


def lists(*entries: ListEntry) -> Lists:
    numbered = [
        ListEntry(**{name: getattr(one, name) for name in ListEntry.__slots__} | {"id": at})
        for at, one in enumerate(entries, 1)
    ]
    return Lists(ListIndex(numbered))


def entry(kind: str, pattern: str = CALLER, **values: object) -> ListEntry:
    return ListEntry(kind=ListKind(kind), pattern=pattern, **values)  # type: ignore[arg-type]


GREY = entry("grey", callback_delay_s=60, callback_window_s=600)


def decide(
    kept: Lists,
    *,
    label: Label = Label.LEGIT,
    callee: str = CALLEE,
    exemption: str | None = None,
    tenant: str = "",
    time_us: int = NOW_US,
    **config: object,
) -> Action:
    settings = PolicyConfig(**({"mode": "enforce", "redress": REDRESS} | config))  # type: ignore[arg-type]
    verdict = Verdict(CALLER, 0.5, label, (), "test/1", 1)
    return Policy(settings, lists=kept).decide(
        verdict, callee=callee, exemption=exemption, tenant=tenant, time_us=time_us, remember=True
    )


@pytest.mark.parametrize(
    ("kinds", "label", "kind", "listed"),
    [
        (["allow", "dno", "block", "grey"], Label.SPAM, ActionKind.ALLOW, "allow"),
        (["dno", "block", "grey"], Label.LEGIT, ActionKind.REJECT, "dno"),
        (["block", "grey"], Label.LEGIT, ActionKind.REJECT, "block"),
        (["grey"], Label.SPAM, ActionKind.THROTTLE, "grey"),
        (["decoy"], Label.SPAM, ActionKind.REJECT, None),
        ([], Label.LEGIT, ActionKind.ALLOW, None),
    ],
)
def test_the_order_of_decision(kinds: list[str], label: Label, kind: ActionKind, listed: str | None) -> None:
    action = decide(lists(*(GREY if one == "grey" else entry(one) for one in kinds)), label=label)
    assert (action.kind, action.listed) == (kind, listed)


def test_an_exempt_call_is_allowed_whatever_is_listed() -> None:
    for exemption, callee in (("psap_callback", CALLEE), (None, "112"), (None, "urn:service:sos")):
        action = decide(lists(entry("block"), GREY), exemption=exemption, callee=callee)
        assert (action.kind, action.ttl_s) == (ActionKind.ALLOW, 0)


def test_configured_lists_go_beside_those_of_the_database() -> None:
    assert decide(lists(entry("block")), allow=(CALLER,)).listed == "allow"
    assert decide(lists(entry("allow")), block=(CALLER,)).listed == "allow"
    assert decide(lists(GREY), block=(CALLER,)).listed == "block"
    assert decide(lists(entry("dno")), block=(CALLER,)).listed == "dno"
    assert decide(lists(entry("block")), consent=(f"{CALLER}>{CALLEE}",)).listed == "consent"


@pytest.mark.parametrize(("profile", "code"), [("603+", 603), ("607", 607), ("608", 608), ("603", 603)])
def test_a_do_not_originate_number_never_gets_603_plus(profile: str, code: int) -> None:
    dno = decide(lists(entry("dno")), reject_profile=profile).sip
    assert dno is not None
    assert (dno.code, "Reason" in dno.headers) == (code, False)
    block = decide(lists(entry("block")), reject_profile="603+").sip
    assert block is not None
    assert "v=analytics1" in block.headers["Reason"]


def test_spam_action_holds_for_lists_too() -> None:
    for kind in ("dno", "block"):
        action = decide(lists(entry(kind)), spam_action="drop")
        assert (action.kind, action.sip) == (ActionKind.DROP, None)


def test_a_grey_caller_is_told_when_to_call_back_and_then_passes() -> None:
    kept = lists(GREY)
    refused = decide(kept)
    assert refused.kind is ActionKind.THROTTLE
    assert refused.sip is not None
    assert (refused.sip.code, refused.sip.headers) == (480, {"Retry-After": "60"})
    assert refused.ttl_s == 0
    passed = decide(kept, time_us=NOW_US + 60_000_000)
    assert (passed.kind, passed.ttl_s, passed.listed) == (ActionKind.ALLOW, 0, None)
    assert decide(kept, time_us=NOW_US + 61_000_000, label=Label.SPAM).kind is ActionKind.REJECT


def test_monitor_mode_says_what_the_lists_would_do() -> None:
    action = decide(lists(GREY), mode="monitor")
    assert (action.kind, action.would, action.sip) == (ActionKind.ALLOW, ActionKind.THROTTLE, None)


def test_a_tenants_entries_are_its_own() -> None:
    kept = lists(entry("block", tenant="a"))
    assert decide(kept, tenant="a").listed == "block"
    assert decide(kept, tenant="b").listed is None
    assert decide(kept).listed is None
    assert decide(lists(entry("block")), tenant="a").listed == "block"


def test_answers_are_remembered_no_longer_than_they_hold() -> None:
    assert decide(lists(entry("block"))).ttl_s == 300
    assert decide(lists(entry("block", expires_at_us=NOW_US + 7_500_000))).ttl_s == 7
    assert decide(lists(entry("block", expires_at_us=NOW_US))).listed is None
    # An SBC remembers by caller: what holds for one callee must not be remembered, nor what hides it.
    for callee in (CALLEE, "+4930999999"):
        assert decide(lists(entry("block", callee=callee))).ttl_s == 0
    assert decide(lists(entry("consent", callee=CALLEE)), label=Label.SPAM).kind is ActionKind.ALLOW


def test_without_a_time_no_kept_list_is_asked() -> None:
    policy = Policy(PolicyConfig(mode="enforce", redress=REDRESS), lists=lists(entry("block")))
    verdict = Verdict(CALLER, 0.1, Label.LEGIT, (), "test/1", 1)
    assert policy.decide(verdict, callee=CALLEE, exemption=None).kind is ActionKind.ALLOW


def test_columns_get_what_single_decisions_get() -> None:
    callers = ["+1", "+2", "+3", "+4", "+5", "+6", "+7", None]
    kept = lists(
        entry("allow", "+1"),
        entry("block", "+2"),
        entry("dno", "+3"),
        entry("grey", "+4", callback_delay_s=60, callback_window_s=600),
        entry("block", "+5", callee=CALLEE),
        entry("grey", "+6", callback_delay_s=60, callback_window_s=600),
    )
    config = PolicyConfig(block=("+1", "+6"), allow=("+2",), suspect_action="tag")
    policy = Policy(config, lists=kept)
    labels = [
        Label.SPAM,
        Label.LEGIT,
        Label.LEGIT,
        Label.LEGIT,
        Label.LEGIT,
        Label.LEGIT,
        Label.SPAM,
        Label.SPAM,
    ]
    column = policy.would(pa.array(callers), pa.array([label.value for label in labels]), time_us=NOW_US)
    single = [
        policy.decide(
            Verdict(caller, 0.5, label, (), "test/1", 1), callee=None, exemption=None, time_us=NOW_US
        ).would.value
        for caller, label in zip(callers, labels, strict=True)
    ]
    assert column.to_pylist() == single
    assert single == ["allow", "allow", "reject", "throttle", "allow", "reject", "reject", "reject"]


def test_another_calibration_keeps_the_lists() -> None:
    policy = Policy(PolicyConfig(), lists=lists(entry("block"))).calibrated(lambda _budget: 0.9)
    verdict = Verdict(CALLER, 0.1, Label.LEGIT, (), "test/1", 1)
    action = policy.decide(verdict, callee=None, exemption=None, time_us=NOW_US)
    assert action.would is ActionKind.REJECT
