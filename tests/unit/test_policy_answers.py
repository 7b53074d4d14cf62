"""The SIP answers of a reject, as their standards write them."""

from __future__ import annotations

import pytest

from spit.policy.answers import build_answer
from spit.records import SipAnswer


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
