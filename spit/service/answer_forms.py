"""The answer forms of /v1/score: JSON, one word, form-encoded; the headers are the same for all."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote, urlencode

from pydantic import BaseModel, Field

from spit.lists import ListKind
from spit.records import ActionKind, Label, Mode, Reason, SipAnswer
from spit.service.contract import Assessment
from spit.service.direct_route import DirectResponse

JSON = "application/json"
TEXT = "text/plain"
FORM = "application/x-www-form-urlencoded"
#: In order of preference where the client has none.
FORMS = (JSON, TEXT, FORM)
_CONTENT_TYPES = {
    JSON: (b"content-type", JSON.encode()),
    TEXT: (b"content-type", b"text/plain; charset=utf-8"),
    FORM: (b"content-type", FORM.encode()),
}
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_encode = json.JSONEncoder(allow_nan=False).encode


class ReasonModel(BaseModel):
    """One piece of evidence."""

    symbol: str
    weight: float = Field(description="log-odds")
    text: str
    counterfactual: str | None = Field(description="what alone would have let the call pass, in words")


class SipModel(BaseModel):
    """The SIP response that carries out the action."""

    code: int
    reason: str
    headers: dict[str, str]


class ScoreModel(BaseModel):
    """The JSON answer."""

    action: ActionKind = Field(description="what to do; allow in monitor mode")
    would_action: ActionKind = Field(description="what enforcing would do")
    sip: SipModel | None
    label: Label
    score: float = Field(ge=0, le=1)
    reasons: list[ReasonModel]
    ttl_s: int = Field(description="for how many seconds the answer may be remembered for this caller")
    model: str
    mode: Mode
    degraded: bool = Field(description="the engine could not score; the call is allowed")
    evidence: list[str] = Field(description="Call-IDs of the caller's first labelled attempts")
    add_headers: dict[str, str] = Field(description="headers that the INVITE gets when the action is tag")
    listed: ListKind | None = Field(description="the kind of the list entry that decided")


class ScoreAnswer(NamedTuple):
    """What is answered, before it has a form."""

    action: ActionKind
    would_action: ActionKind
    sip: SipAnswer | None
    label: Label
    score: float
    reasons: tuple[Reason, ...]
    ttl_s: int
    model: str
    mode: Mode
    degraded: bool = False
    evidence: tuple[str, ...] = ()
    add_headers: Mapping[str, str] = _NO_HEADERS
    listed: str | None = None

    @classmethod
    def of(cls, assessment: Assessment) -> ScoreAnswer:
        """Raises ValueError when the engine's numbers are not numbers: JSON cannot carry them."""
        verdict, action = assessment.verdict, assessment.action
        for number in (verdict.score, *(reason.weight for reason in verdict.reasons)):
            if not math.isfinite(number):
                raise ValueError(f"expected finite scores and weights, found {number} for {verdict.caller!r}")
        return cls(
            action=action.kind,
            would_action=action.would,
            sip=action.sip,
            label=verdict.label,
            score=verdict.score,
            reasons=verdict.reasons,
            ttl_s=action.ttl_s,
            model=verdict.model,
            mode=action.mode,
            evidence=verdict.evidence,
            add_headers=action.add_headers,
            listed=action.listed,
        )

    @classmethod
    def open(cls, *, model: str, mode: Mode) -> ScoreAnswer:
        """The answer when nothing could be scored: the call goes through, nobody remembers it."""
        return cls(
            action=ActionKind.ALLOW,
            would_action=ActionKind.ALLOW,
            sip=None,
            label=Label.LEGIT,
            score=0.0,
            reasons=(),
            ttl_s=0,
            model=model,
            mode=mode,
            degraded=True,
        )


def reasons_json(reasons: tuple[Reason, ...]) -> list[dict[str, object]]:
    """``[{symbol, weight, text, counterfactual}]``."""
    return [asdict(reason) for reason in reasons]


def render(answer: ScoreAnswer, accept: str) -> DirectResponse:
    """The HTTP response in the form that the Accept header prefers."""
    form = choose_form(accept)
    if form == TEXT:
        text: str = answer.action.value
    elif form == FORM:
        # %20: Asterisk reads a plus as a plus.
        text = urlencode(_flat(answer), quote_via=quote)
    else:
        text = _json(answer)
    body = text.encode()
    return DirectResponse(
        body, [*spam_headers(answer), (b"content-length", b"%d" % len(body)), _CONTENT_TYPES[form]]
    )


def spam_headers(answer: ScoreAnswer) -> list[tuple[bytes, bytes]]:
    """X-Spam-Action, X-Spam-Score, X-Spam-Reason: for scripts that read headers, not bodies."""
    symbol = b""
    if answer.reasons:
        strongest = max(answer.reasons, key=lambda reason: reason.weight)
        # Symbols come from a model file: nothing but printable ASCII may reach a header.
        symbol = re.sub(r"[^!-~]", "", strongest.symbol).encode("ascii")
    return [
        (b"x-spam-action", answer.action.value.encode("ascii")),
        (b"x-spam-score", b"%.4f" % answer.score),
        (b"x-spam-reason", symbol),
    ]


def _json(answer: ScoreAnswer) -> str:
    """ScoreModel as JSON. Words of this program need no escape; all that others wrote is encoded."""
    sip = answer.sip
    sip_json = (
        _encode({"code": sip.code, "reason": sip.reason, "headers": dict(sip.headers)}) if sip else "null"
    )
    reasons = _encode(reasons_json(answer.reasons)) if answer.reasons else "[]"
    evidence = _encode(answer.evidence) if answer.evidence else "[]"
    add_headers = _encode(dict(answer.add_headers)) if answer.add_headers else "{}"
    listed = "null" if answer.listed is None else f'"{answer.listed}"'
    return (
        f'{{"action": "{answer.action.value}", "would_action": "{answer.would_action.value}", '
        f'"sip": {sip_json}, "label": "{answer.label.value}", "score": {float(answer.score)!r}, '
        f'"reasons": {reasons}, "ttl_s": {answer.ttl_s:d}, "model": {_quote(answer.model)}, '
        f'"mode": "{answer.mode.value}", "degraded": {"true" if answer.degraded else "false"}, '
        f'"evidence": {evidence}, "add_headers": {add_headers}, "listed": {listed}}}'
    )


@lru_cache(maxsize=16)  # the name of the model is the same in every answer
def _quote(text: str) -> str:
    return _encode(text)


def _flat(answer: ScoreAnswer) -> dict[str, str]:
    return {
        "action": answer.action.value,
        "would_action": answer.would_action.value,
        "score": f"{answer.score:.4f}",
        "label": answer.label.value,
        "code": str(answer.sip.code) if answer.sip else "",
        "reason": answer.sip.reason if answer.sip else "",
        "reason_symbols": ",".join(reason.symbol for reason in answer.reasons),
        "ttl_s": str(answer.ttl_s),
        "model": answer.model,
        "mode": answer.mode.value,
        "degraded": "true" if answer.degraded else "false",
        **{
            _flat_name("header", name): value
            for name, value in (answer.sip.headers if answer.sip else {}).items()
        },
        **{_flat_name("add", name): value for name, value in answer.add_headers.items()},
    }


def _flat_name(prefix: str, header: str) -> str:
    """``header_call_info`` of Call-Info: what scripts take as the name of a variable."""
    return f"{prefix}_{re.sub('[^a-z0-9]', '_', header.lower())}"


@lru_cache(maxsize=256)  # an SBC says the same each time
def choose_form(accept: str) -> str:
    """The form that an Accept header prefers (RFC 9110 section 12.5.1); JSON when it takes none of them.

    Between equal weights the named type goes before a wildcard, then the one that the client names first.
    """
    ranked: list[tuple[float, int, int, str]] = []
    for preference, form in enumerate(FORMS):
        best: tuple[int, float, int] | None = None  # specificity, weight, position
        for position, part in enumerate(accept.split(",")):
            media_range, *parameters = (piece.strip().lower() for piece in part.split(";"))
            specificity = {form: 2, form.partition("/")[0] + "/*": 1, "*/*": 0}.get(media_range)
            if specificity is not None and (best is None or specificity > best[0]):
                best = (specificity, _weight(parameters), position)
        if best is not None and best[1] > 0:
            # A wildcard has no order of its own: this service's applies.
            order = best[2] if best[0] == 2 else len(accept) + preference
            ranked.append((-best[1], -best[0], order, form))
    return min(ranked)[3] if ranked else JSON


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q" and re.fullmatch(r"[01](\.\d{0,3})?", value.strip()):
            return float(value)
    return 1.0
