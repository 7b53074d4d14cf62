"""What the SBC sends, or adds, to carry out an action (docs/decisions/0016-sip-answers.md)."""

from __future__ import annotations

import re
from enum import StrEnum

from spit.config import PolicyConfig
from spit.records import ActionKind, SipAnswer, Verdict


class BlockBasis(StrEnum):
    """Why a call is blocked, as far as the SIP answer depends on it."""

    ANALYTICS = "analytics"
    #: The number never makes calls: a block by list, which 603+ must not be used for (ATIS-1000099).
    DO_NOT_ORIGINATE = "do_not_originate"


class SipAnswers:
    """The SIP answers and the headers to add, as the policy's settings have them."""

    def __init__(self, config: PolicyConfig) -> None:
        reject = build_answer(config.reject_profile, config.redress)
        self._answers = {ActionKind.REJECT: reject}
        if config.divert_to:
            self._answers[ActionKind.DIVERT] = build_redirect(config.divert_to)
        if config.challenge_to:
            self._answers[ActionKind.CHALLENGE] = build_redirect(config.challenge_to)
        self._do_not_originate = build_answer("603", "") if config.reject_profile == "603+" else reject
        self._tag_headers = tuple(_split(line) for line in config.tag_headers)

    def answer(self, kind: ActionKind, basis: BlockBasis = BlockBasis.ANALYTICS) -> SipAnswer | None:
        """The SIP response that carries out ``kind``; None where there is none to send."""
        if kind is ActionKind.REJECT and basis is BlockBasis.DO_NOT_ORIGINATE:
            return self._do_not_originate
        return self._answers.get(kind)

    def tags(self, verdict: Verdict) -> dict[str, str]:
        """The headers that a tagged call gets: name to value, printable ASCII."""
        strongest = max(verdict.reasons, key=lambda reason: reason.weight, default=None)
        values = {
            "label": verdict.label.value,
            "score": f"{verdict.score:.4f}",
            "symbol": header_text(strongest.symbol) if strongest is not None else "none",
        }
        return {name: template.format_map(values) for name, template in self._tag_headers}


def build_answer(profile: str, redress: str) -> SipAnswer:
    """The response of a reject profile; ``redress`` is the contact for callers who were blocked in error.

    * ``603+`` ATIS-1000099: 603 "Network Blocked" with the analytics Reason header.
    * ``607`` RFC 8197: "Unwanted", strictly the callee's own word.
    * ``608`` RFC 8688: "Rejected" by an intermediary; Call-Info points at a signed jCard (a JWS).
    * ``603`` RFC 3261: "Decline".

    Raises ValueError for any other profile, and for a contact that would break out of its header.
    """
    _check(redress)
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


def build_redirect(target: str) -> SipAnswer:
    """302 (RFC 3261 section 21.3.3) to a URI. Raises ValueError for one that would leave its header."""
    _check(target)
    return SipAnswer(302, "Moved Temporarily", {"Contact": f"<{target}>"})


def header_text(text: str) -> str:
    """``text`` with everything left out that is not printable ASCII: no line end reaches a header."""
    return re.sub(r"[^ -~]", "", text)


def _check(value: str) -> None:
    if re.fullmatch(r"[!-~]*", value) is None or set(value) & set('"<>\\'):
        raise ValueError(f'expected printable ASCII without blanks, ", <, > and \\, found {value!r}')


def _split(line: str) -> tuple[str, str]:
    name, _, template = line.partition(":")
    return name.strip(), template.strip()


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
