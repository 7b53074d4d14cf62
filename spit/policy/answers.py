"""The SIP responses that carry out a reject."""

from __future__ import annotations

from spit.records import SipAnswer


def build_answer(profile: str, redress: str) -> SipAnswer:
    """The response of a reject profile; ``redress`` is the contact for callers who were blocked in error.

    * ``603+`` ATIS-1000099: 603 "Network Blocked" with the analytics Reason header.
    * ``607`` RFC 8197: "Unwanted", strictly the callee's own word.
    * ``608`` RFC 8688: "Rejected" by an intermediary; Call-Info points at a signed jCard (a JWS).
    * ``603`` RFC 3261: "Decline".

    Raises ValueError for any other profile.
    """
    if profile == "603+":
        text = ";".join(["v=analytics1", *([_contact(redress)] if redress else [])])
        return SipAnswer(603, "Network Blocked", {"Reason": f'SIP;cause=603;text="{text}";location=RLN'})
    if profile == "607":
        return SipAnswer(607, "Unwanted")
    if profile == "608":
        call_info = {"Call-Info": f"<{redress}>;purpose=jwscard"} if redress else {}
        return SipAnswer(608, "Rejected", call_info)
    if profile == "603":
        return SipAnswer(603, "Decline")
    raise ValueError(f"expected a reject profile 603+, 607, 608 or 603, found {profile!r}")


def build_call_back(delay_s: int) -> SipAnswer:
    """The response to a grey caller: 480 with the time after which a call back passes.

    RFC 3261 20.33 has Retry-After with 480. 503 would make proxies take the whole SBC for overloaded.
    """
    return SipAnswer(480, "Temporarily Unavailable", {"Retry-After": str(delay_s)})


def _contact(redress: str) -> str:
    """ATIS-1000099 names the kind of contact: url, tel or email."""
    scheme, _, rest = redress.partition(":")
    if scheme == "tel":
        return f"tel={rest}"
    if scheme == "mailto":
        return f"email={rest}"
    return f"url={redress}"
