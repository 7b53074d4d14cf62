"""The request forms of /v1/score, and the one-row attempt that each becomes."""

from __future__ import annotations

import ipaddress
import itertools
import re
import uuid
from functools import lru_cache
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    Json,
    StringConstraints,
    WithJsonSchema,
)

from spit.lists import TENANT_FORM
from spit.records import EventKind
from spit.service.identity import Canonicalise

_MAX_TEXT = 1024
#: Of this process alone, before a number: quicker than a random one for each request.
_CALL_IDS = f"http-{uuid.uuid4().hex}"
_numbers = itertools.count(1)


def _restore_plus(value: object) -> object:
    """``caller=+1202…`` put into a query or form without escaping arrives with a blank for its plus."""
    if not isinstance(value, str) or " " not in value:
        return value
    value = re.sub(r"^(sips?:|tel:|) (?=\d)", r"\1+", value)
    # An address holds no blank, unlike a number as people write it.
    return value.strip().replace(" ", "+") if "@" in value else value


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


def _blank_is_empty(value: object) -> object:
    return "{}" if isinstance(value, str) and not value.strip() else value


@lru_cache(maxsize=1024)  # there are few peers, and each sends many calls
def _read_address(value: str | None) -> str | None:
    """The address as the tracker writes it; SIP scripts hold IPv6 in brackets, Asterisk a port after it."""
    if value is None:
        return None
    with_port = re.fullmatch(r"(\[[^]]*\]|[\d.]*):\d{1,5}", value)
    address = with_port[1] if with_port else value
    try:
        return str(ipaddress.ip_address(address.removeprefix("[").removesuffix("]")))
    except ValueError:
        raise ValueError("an IPv4 or IPv6 address") from None


Identity = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=_MAX_TEXT),
    WithJsonSchema({"type": "string", "maxLength": _MAX_TEXT, "pattern": r"\S"}),
]
Text = Annotated[
    Annotated[str, StringConstraints(max_length=_MAX_TEXT)] | None, BeforeValidator(_blank_is_none)
]
Address = Annotated[
    Text,
    AfterValidator(_read_address),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "ipv4"},
                {"type": "string", "format": "ipv6"},
                {"type": "string", "pattern": r"^\s*$", "maxLength": _MAX_TEXT},
                {"type": "null"},
            ]
        }
    ),
]
Tenant = Annotated[str, StringConstraints(pattern=TENANT_FORM)]


class ScoreFields(BaseModel):
    """What every form of the request has. Unknown fields are ignored: clients may be newer."""

    caller: Identity = Field(description="SIP or tel URI, number, or user@host")
    callee: Identity = Field(description="SIP or tel URI, number, or user@host")
    source_ip: Address = Field(default=None, description="the peer that sent the INVITE to the SBC")
    call_id: Text = Field(default=None, description="Call-ID of the INVITE")
    user_agent: Text = Field(default=None, description="User-Agent of the INVITE")
    observe: bool = Field(default=False, description="count this attempt too: there is no mirror")
    tenant: Tenant = Field(default="", description="whose lists are asked beside those of all")

    def header(self, _name: str) -> str | None:
        """A SIP header by its name in lower case; the query form carries none."""
        return None


class ScoreRequest(ScoreFields):
    """The JSON form."""

    headers: dict[str, str] = Field(
        default_factory=dict,
        description="SIP headers of the INVITE; read: Priority, Resource-Priority, P-Asserted-Identity, "
        "User-Agent",
    )

    def header(self, name: str) -> str | None:
        if not self.headers:  # as of most, and it is asked four times
            return None
        for key, value in self.headers.items():
            if key.lower() == name:
                return value.strip() or None
        return None


class ScoreQuery(ScoreFields):
    """The form of GET."""

    caller: Annotated[Identity, BeforeValidator(_restore_plus)] = Field(
        description="SIP or tel URI, number, or user@host"
    )
    callee: Annotated[Identity, BeforeValidator(_restore_plus)] = Field(
        description="SIP or tel URI, number, or user@host"
    )


class ScoreForm(ScoreQuery, ScoreRequest):
    """The form of an HTML form; ``headers`` is a JSON object as text."""

    headers: Annotated[
        Json[dict[str, str]],
        BeforeValidator(_blank_is_empty),
        WithJsonSchema(
            {
                "type": "string",
                "format": "json-object-of-strings",
                "contentMediaType": "application/json",
                "contentSchema": {"type": "object", "additionalProperties": {"type": "string"}},
            }
        ),
    ] = Field(default_factory=dict, description="JSON object of SIP headers")


class ScoreOptions(BaseModel):
    """What the query of POST may say beside the body."""

    observe: bool = Field(default=False, description="count this attempt too: there is no mirror")
    source_ip: Address = Field(default=None, description="for application/sip: who sent the INVITE")
    tenant: Tenant = Field(default="", description="for application/sip: whose lists are asked")


class ScoreHeaders(BaseModel):
    """What a header may say of the question."""

    tenant: Tenant | None = Field(
        default=None, alias="X-Spit-Tenant", description="the same as the field tenant"
    )


def attempt_row(request: ScoreFields, *, time_us: int, canonicalise: Canonicalise) -> dict[str, object]:
    """One ``attempt`` (columns of records.EVENT_SCHEMA) at ``time_us`` (epoch µs); what lacks is null."""
    caller_uri, callee_uri = _uri(request.caller), _uri(request.callee)
    asserted = request.header("p-asserted-identity")
    return {
        "event": EventKind.ATTEMPT.value,
        "time_us": time_us,
        "start_time_us": time_us,
        "method": "INVITE",
        # Without a Call-ID two requests must still never look like one call.
        "call_id": request.call_id or f"{_CALL_IDS}-{next(_numbers)}",
        "caller": canonicalise(_as_uri(request.caller)),
        "callee": canonicalise(_as_uri(request.callee)),
        "caller_uri": caller_uri,
        "callee_uri": callee_uri,
        "request_uri": callee_uri,
        "source_ip": request.source_ip,
        "user_agent": request.user_agent or request.header("user-agent"),
        "asserted_identity": canonicalise(_addr_spec(asserted)) if asserted else None,
        "exemption": _exemption(request),
    }


def _uri(text: str) -> str | None:
    return text if ":" in text and re.match(r"[a-zA-Z][a-zA-Z0-9+.-]*:", text) else None


def _as_uri(text: str) -> str:
    """FreeSWITCH and others write addresses without a scheme: a number@host is the number, as in From."""
    return f"sip:{text}" if "@" in text and _uri(text) is None else text


def _addr_spec(header: str) -> str:
    """The URI of the first name-addr of a header (RFC 3325, RFC 3261 section 20.10)."""
    bracketed = re.search(r"<([^<>]*)>", header)
    return bracketed.group(1) if bracketed else header.partition(",")[0].partition(";")[0].strip()


def _exemption(request: ScoreFields) -> str | None:
    """Never blocked: RFC 5031 (sos), RFC 7090 (psap-callback), RFC 4412 (Resource-Priority)."""
    if request.callee.lower().startswith("urn:service:sos"):
        return "emergency"
    if (request.header("priority") or "").lower() == "psap-callback":
        return "psap_callback"
    return "resource_priority" if request.header("resource-priority") else None
