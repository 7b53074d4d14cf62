"""The SIP answers of a reject, as their standards write them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spit.config import PolicyConfig, load_config
from spit.errors import ConfigError
from spit.policy.answers import BlockBasis, SipAnswers, build_answer, build_redirect
from spit.records import ActionKind, Label, Reason, SipAnswer, Verdict


@pytest.mark.parametrize(
    ("redress", "contact"),
    [
        ("https://example.net/blocked", "url=https://example.net/blocked"),
        ("tel:+12025550100", "tel=+12025550100"),
        ("mailto:help@example.net", "email=help@example.net"),
    ],
)
def test_603_plus_names_the_contact_in_its_reason_header(redress: str, contact: str) -> None:
    assert build_answer("603+", redress) == SipAnswer(
        603,
        "Network Blocked",
        {"Reason": f'SIP;cause=603;text="v=analytics1;{contact}";location=RLN'},
    )


def test_608_points_at_the_signed_card() -> None:
    card = "https://example.net/card.jws"
    assert build_answer("608", card) == SipAnswer(608, "Rejected", {"Call-Info": f"<{card}>;purpose=jwscard"})


@pytest.mark.parametrize(("profile", "answer"), [("607", (607, "Unwanted")), ("603", (603, "Decline"))])
def test_plain_answers_carry_no_header(profile: str, answer: tuple[int, str]) -> None:
    assert build_answer(profile, "https://example.net") == SipAnswer(*answer)


@pytest.mark.parametrize("profile", ["603+", "608"])
def test_without_a_contact_no_empty_one_is_written(profile: str) -> None:
    answer = build_answer(profile, "")
    assert "url=" not in str(answer.headers)
    assert "<>" not in str(answer.headers)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a reject profile 603"):
        build_answer("604", "")


HOSTILE = [
    "https://a/\r\nVia: x",
    'https://a/"x',
    "https://a/ b",
    "https://a/>;x",
    "https://a/\\",
    "https://a/\x00",
    "https://a/\u00e9",
]


@pytest.mark.parametrize("redress", HOSTILE)
@pytest.mark.parametrize("profile", ["603+", "608"])
def test_a_contact_that_would_leave_its_header_is_refused(profile: str, redress: str) -> None:
    with pytest.raises(ValueError, match="expected printable ASCII"):
        build_answer(profile, redress)
    with pytest.raises(ValueError, match="expected printable ASCII"):
        build_redirect(redress)


def test_each_action_has_its_answer() -> None:
    answers = SipAnswers(PolicyConfig(divert_to="sip:voicemail@example.net", challenge_to="tel:+12025550100"))
    found = {kind.value: answers.answer(kind) for kind in ActionKind}
    assert found == {
        "allow": None,
        "tag": None,
        "throttle": None,
        "challenge": SipAnswer(302, "Moved Temporarily", {"Contact": "<tel:+12025550100>"}),
        "divert": SipAnswer(302, "Moved Temporarily", {"Contact": "<sip:voicemail@example.net>"}),
        "reject": build_answer("603+", ""),
        "drop": None,
    }
    assert SipAnswers(PolicyConfig()).answer(ActionKind.CHALLENGE) is None


@pytest.mark.parametrize(
    ("profile", "code", "reason"),
    [("603+", 603, "Decline"), ("603", 603, "Decline"), ("607", 607, "Unwanted")],
)
def test_a_number_that_never_calls_is_not_blocked_by_analytics(profile: str, code: int, reason: str) -> None:
    answers = SipAnswers(PolicyConfig(reject_profile=profile, redress="https://example.net/b"))
    assert answers.answer(ActionKind.REJECT, BlockBasis.DO_NOT_ORIGINATE) == SipAnswer(code, reason)


def verdict(symbol: str = "CALLER_RATE", score: float = 0.61) -> Verdict:
    reasons = (Reason("OTHER", 0.5, "other"), Reason(symbol, 1.5, "many attempts"))
    return Verdict("+12025550199", score, Label.SUSPECT, reasons, "table/1", 3)


def test_tags_are_filled_in() -> None:
    assert SipAnswers(PolicyConfig()).tags(verdict()) == {
        "X-Spam-Label": "suspect",
        "X-Spam-Score": "0.6100",
        "X-Spam-Reason": "CALLER_RATE",
    }
    answers = SipAnswers(
        PolicyConfig(tag_headers=("Subject: [{label} {score}] call", "Alert-Info: <urn:alert:x>"))
    )
    assert answers.tags(verdict()) == {"Subject": "[suspect 0.6100] call", "Alert-Info": "<urn:alert:x>"}
    assert SipAnswers(PolicyConfig(tag_headers=())).tags(verdict()) == {}
    bare = Verdict(None, 0.5, Label.SUSPECT, (), "table/1", 1)
    assert SipAnswers(PolicyConfig()).tags(bare)["X-Spam-Reason"] == "none"


@given(st.text(max_size=50))
def test_a_symbol_never_ends_its_header(symbol: str) -> None:
    for name, value in SipAnswers(PolicyConfig()).tags(verdict(symbol)).items():
        assert f"{name}: {value}".isascii()
        assert f"{name}: {value}".isprintable()


def config(folder: Path, policy: str) -> PolicyConfig:
    path = folder / "spit.toml"
    path.write_text(f"[policy]\n{policy}\n", encoding="utf-8")
    return load_config(path).policy


@pytest.mark.parametrize(
    "header",
    [
        "X-Spam",
        "X-Spam: {caller}",
        "X-Spam: {score.__class__}",
        "X-Spam: {",
        "X Spam: yes",
        "X-Spam: a\\r\\nVia: b",
        "X-Spam: \\u00e4",
        "Via: x",
        "FROM: {label}",
        "v: x",
        "P-Asserted-Identity: <sip:a@b>",
        "X-Spam:",
    ],
)
def test_headers_that_would_break_the_call_are_refused(header: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"policy\.tag_headers: expected a list of headers such as"):
        config(tmp_path, f'tag_headers = ["{header}"]')


@pytest.mark.parametrize(
    "uri", ["voicemail", "sip:a@b?Replaces=x", "sip:a@b>", "sip:a b", "sip:a,b", "http://a", "sip:"]
)
@pytest.mark.parametrize("key", ["divert_to", "challenge_to"])
def test_targets_that_are_no_uri_are_refused(key: str, uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"policy\.{key}: expected a SIP or tel URI"):
        config(tmp_path, f'{key} = "{uri}"')


ENFORCING = 'mode = "enforce"\nredress = "https://example.net/blocked"\n'


@pytest.mark.parametrize("profile", ["603", "607", "608"])
def test_in_the_us_blocks_by_analytics_are_603_plus(profile: str, tmp_path: Path) -> None:
    other = f'jurisdiction = "us"\nreject_profile = "{profile}"\n'
    with pytest.raises(
        ConfigError, match=r'policy\.reject_profile: expected "603\+", because jurisdiction "us"'
    ):
        config(tmp_path, ENFORCING + other)
    assert config(tmp_path, other).reject_profile == profile  # monitoring sends nothing
    assert config(tmp_path, ENFORCING + other + 'spam_action = "divert"\ndivert_to = "sip:v@example.net"')
    assert config(tmp_path, ENFORCING + 'jurisdiction = "us"').reject_profile == "603+"


def test_enforcing_a_diversion_needs_somewhere_to_go(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"policy\.divert_to: expected a SIP or tel URI, because mode"):
        config(tmp_path, ENFORCING + 'suspect_action = "divert"')
    assert config(tmp_path, 'suspect_action = "divert"').divert_to == ""
