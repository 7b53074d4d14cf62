"""What a score leads to: [policy]."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from spit.config.fields import (
    choice_field,
    integer_field,
    number_field,
    optional_number_field,
    setting_field,
    shown,
    text_field,
    texts_field,
)
from spit.errors import ConfigError

#: What a verdict may lead to; the same words as ``records.ActionKind`` (this leaf may not import it).
ACTIONS = ("allow", "tag", "throttle", "challenge", "divert", "reject", "drop")
REJECT_PROFILES = ("603+", "607", "608", "603")

#: Printable ASCII without what would end a quoted string, a URI or a header in a SIP answer.
_REDRESS = re.compile(r"(https?://|tel:\+?\d|mailto:[^@]+@)[!#-:=?-\[\]-~]+")
_LISTED = re.compile(r"[^\s*]+\*?")
#: A URI that fits between angle brackets; a Contact's headers (?…) would reach the INVITE that follows.
_TARGET = r"(sips?:[A-Za-z0-9_.!~*'()&=+$;:@\[\]%/-]+|tel:\+?[0-9*#()A-Fa-f.-]+)?"
#: "Name: value" with {label}, {score} and {symbol} in the value.
_TAG_HEADER = re.compile(r"([A-Za-z0-9!%*_+`'~.-]+): *((?:[ -z|~]|\{(?:label|score|symbol)\})+)")
#: What a proxy needs to route the call or the callee needs to answer it: a tag must not double or forge it.
# fmt: off
_ROUTING_HEADERS = frozenset({
    "allow", "authorization", "c", "call-id", "contact", "content-encoding", "content-length",
    "content-type", "cseq", "diversion", "e", "f", "from", "history-info", "i", "identity", "k",
    "l", "m", "max-forwards", "o", "p-asserted-identity", "p-preferred-identity", "privacy",
    "proxy-authenticate", "proxy-authorization", "proxy-require", "record-route",
    "remote-party-id", "require", "resource-priority", "route", "supported", "t", "to", "v",
    "via", "www-authenticate", "y",
})
# fmt: on


def _read_listed(text: str) -> str:
    if _LISTED.fullmatch(text) is None:
        raise ValueError
    return text


def _read_consent(text: str) -> str:
    caller, _, callee = text.partition(">")
    return f"{_read_listed(caller)}>{_read_listed(callee)}"


def _read_short_number(text: str) -> str:
    if re.fullmatch(r"\+?[0-9]{2,15}", text) is None:
        raise ValueError
    return text


def _read_tag_header(text: str) -> str:
    found = _TAG_HEADER.fullmatch(text)
    if found is None or found[1].lower() in _ROUTING_HEADERS:
        raise ValueError
    return text


def _read_redress(value: object) -> str:
    if not isinstance(value, str) or (value and _REDRESS.fullmatch(value) is None):
        raise ValueError
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyConfig:
    """[policy]: the only place that holds thresholds, lists, exemptions and the SIP answer."""

    mode: str = choice_field("monitor", ("monitor", "enforce"))
    enforce_share: float = number_field(1.0, 0, 1)
    max_wrong_blocks_per_10000: float = number_field(5.0, 0.01, 10_000)
    suspect_threshold: float = number_field(0.5, 0, 1)
    spam_threshold: float | None = optional_number_field(0, 1)  # None: from max_wrong_blocks_per_10000
    suspect_action: str = choice_field("tag", ACTIONS)
    spam_action: str = choice_field("reject", ACTIONS)
    reject_profile: str = choice_field("603+", REJECT_PROFILES)
    jurisdiction: str = choice_field("", ("", "us"))
    redress: str = setting_field(
        "",
        _read_redress,
        'a URL, tel or mailto contact such as "https://example.net/blocked", or ""',
    )
    divert_to: str = text_field("", _TARGET, 'a SIP or tel URI such as "sip:voicemail@example.net", or ""')
    challenge_to: str = text_field("", _TARGET, 'a SIP or tel URI such as "sip:captcha@example.net", or ""')
    tag_headers: tuple[str, ...] = texts_field(
        ("X-Spam-Label: {label}", "X-Spam-Score: {score}", "X-Spam-Reason: {symbol}"),
        _read_tag_header,
        'a list of headers such as "X-Spam-Score: {score}" ({label}, {score} and {symbol} are known; '
        "headers that route or identify the call are not taken)",
    )
    ttl_s: int = integer_field(300, 0, 86_400)
    emergency_numbers: tuple[str, ...] = texts_field(
        ("000", "110", "111", "112", "118", "119", "911", "999"),
        _read_short_number,
        "a list of numbers of 2 to 15 digits",
    )
    allow: tuple[str, ...] = texts_field(
        (), _read_listed, 'a list of identities ("+12025550100") or prefixes ("+1202555*")'
    )
    block: tuple[str, ...] = texts_field(
        (), _read_listed, 'a list of identities ("+12025550100") or prefixes ("+1202555*")'
    )
    consent: tuple[str, ...] = texts_field(
        (),
        _read_consent,
        'a list of pairs "caller>callee", each an identity or a prefix ("+1202555*>+12025550100")',
    )


def check_policy(policy: PolicyConfig, origins: Mapping[str, str], default_origin: str) -> None:
    """The rules that join two keys. Raises ConfigError, which names where the key came from (``origins``)."""
    if policy.spam_threshold is not None and policy.suspect_threshold > policy.spam_threshold:
        origin = origins.get("policy.suspect_threshold") or origins["policy.spam_threshold"]
        raise ConfigError(
            f"{origin}: policy.suspect_threshold: expected at most policy.spam_threshold "
            f"({policy.spam_threshold:g}), found {policy.suspect_threshold:g}"
        )
    # A rejection without the contact that its standard demands is refused at start, not at the first call.
    actions = (policy.suspect_action, policy.spam_action)
    rejects = policy.mode == "enforce" and "reject" in actions
    wanted = {"603+": ("http", "tel:", "mailto:"), "608": ("http",)}.get(policy.reject_profile)
    if rejects and wanted is not None and not policy.redress.startswith(wanted):
        contact = "an http or https URL" if policy.reject_profile == "608" else "a URL, tel or mailto contact"
        raise ConfigError(
            f"{origins.get('policy.redress', default_origin)}: policy.redress: expected {contact}, because "
            f'mode "enforce" rejects with reject_profile "{policy.reject_profile}", '
            f'found {shown(policy.redress)} (reject_profile "603" needs none)'
        )
    if rejects and policy.jurisdiction == "us" and policy.reject_profile != "603+":
        raise ConfigError(
            f"{origins.get('policy.reject_profile', default_origin)}: policy.reject_profile: expected "
            '"603+", because jurisdiction "us" demands it of calls blocked by analytics since 2026-03-25, '
            f"found {shown(policy.reject_profile)}"
        )
    if policy.mode == "enforce" and not policy.divert_to and "divert" in actions:
        raise ConfigError(
            f"{origins.get('policy.divert_to', default_origin)}: policy.divert_to: expected a SIP or tel "
            'URI, because mode "enforce" diverts calls, found nothing'
        )
