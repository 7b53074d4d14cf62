"""Which response tells an SBC which verdict: a map per SBC, as data (docs/redirect.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Formatter
from urllib.parse import quote

from spit.enforce.redirect.answer import Answer
from spit.enforce.redirect.request import Request
from spit.errors import ConfigError
from spit.records import ActionKind, SipAnswer

PROFILES = Path(__file__).with_name("profiles")
#: What a profile has to say something about, and what it may.
STANDINGS = ("clean", "suspect", "spam", "divert", "drop")
_REQUIRED = ("clean", "suspect", "spam")
_PLACES = ("request_uri", "user", "host", "port", "standing")
_KEYS = ("code", "reason", "contact", "headers", "silence", "tags")
#: Where the headers of a tag go: into the response, into the Contact for the INVITE that follows, or nowhere.
TAG_PLACES = ("response", "contact", "none")
#: What an SBC may be told. 2xx would accept the call, 401 and 407 would make it authenticate.
_CODES = (*range(300, 401), *range(402, 407), *range(408, 700))
#: What the response itself is made of.
_OWN_HEADERS = frozenset(
    {"via", "from", "to", "call-id", "cseq", "contact", "server", "content-length", "record-route"}
)
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_TEXT = re.compile(r"[ -~]*")
#: Beside letters, digits and _.-~: what needs no escape in a header of a URI (RFC 3261, hvalue).
_HEADER_VALUE = "[]/?:+$!*'()"
_STANDING = {
    ActionKind.ALLOW: "clean",
    ActionKind.TAG: "suspect",
    ActionKind.THROTTLE: "suspect",
    ActionKind.CHALLENGE: "suspect",
    ActionKind.DIVERT: "divert",
    ActionKind.REJECT: "spam",
    ActionKind.DROP: "drop",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it is sent."""

    code: int
    reason: str = ""
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the map. ``code``: 0 takes the policy's own response; ``silence``: nothing is sent.

    ``tags``: one of TAG_PLACES.
    """

    code: int = 0
    reason: str = ""
    contact: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    silence: bool = False
    tags: str = "response"


class ResponseMap:
    """From a policy's answer to a response. ``contact``: the template for 3xx whose row has none."""

    def __init__(self, rows: Mapping[str, Row], *, contact: str) -> None:
        self._rows = dict(rows)
        self._contact = contact
        # An SBC that gets no answer thinks that this server is down.
        self._rows.setdefault("drop", self._rows["spam"])

    def standing(self, answer: Answer) -> str:
        """What the call is to the SBC; clean when nothing could be scored.

        A challenge or a throttle that the policy has a response for is carried out by it: by a redirect, or
        by a refusal. Without one the call goes on, marked where the profile can.
        """
        if answer.degraded:
            return "clean"
        standing = _STANDING[answer.action]
        if standing != "suspect" or answer.sip is None:
            return standing
        return "divert" if answer.sip.code < 400 else "spam"

    def reply(self, answer: Answer, request: Request) -> Reply | None:
        """The response, None for silence."""
        standing = self.standing(answer)
        row = self._rows.get(standing)
        if row is None:  # divert: where to is the policy's to say; nobody is diverted to nowhere
            row = self._rows["suspect"] if answer.sip is None else Row(answer.sip.code)
        if row.silence:
            return None
        if row.code == 0 or (answer.sip is not None and row.code == answer.sip.code):
            # A policy's answer has the headers that its standard demands (603+, 608).
            sip = answer.sip or SipAnswer(603, "Decline")
            return Reply(sip.code, row.reason or sip.reason, (*sip.headers.items(), *row.headers))
        headers = row.headers
        tags = [] if answer.action is not ActionKind.TAG else _tags_beside(answer, row)
        if row.tags == "response":
            headers = (*headers, *tags)
        if row.code < 400:
            contact = build_contact(row.contact or self._contact, request.uri, standing)
            if row.tags == "contact":
                contact = with_headers(contact, tags)
            headers = (("Contact", f"<{contact}>"), *headers)
        return Reply(row.code, row.reason, headers)


def build_contact(template: str, request_uri: str, standing: str) -> str:
    """The Contact URI of a 3xx. ``{port}`` comes with its colon, empty where the Request-URI has none.

    ``{user}`` has the parameters of the user part (numbers of a tel URI too). A URN goes where it went.
    """
    scheme, _, rest = request_uri.partition(":")
    user, _, target = rest.rpartition("@")
    if scheme.lower() == "tel":
        user, target = rest, ""
    elif scheme.lower() not in ("sip", "sips"):
        template = "{request_uri}"
    if not user:
        template = template.replace("{user}@", "")
    hostport = re.split(r"[;?]", target, maxsplit=1)[0]
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(:\d+)?", hostport)
    host, port = (found[1], found[2] or "") if found is not None else (hostport, "")
    text = template.format(request_uri=request_uri, user=user, host=host, port=port, standing=standing)
    # What would end the URI in its angle brackets is escaped (RFC 3261 section 25.1).
    return re.sub(r"[^!#-;=?-~]", lambda one: "".join(f"%{b:02X}" for b in one[0].encode("latin-1")), text)


def with_headers(contact: str, headers: Iterable[tuple[str, str]]) -> str:
    """A URI with headers, which an SBC that follows it puts into its INVITE (RFC 3261 section 19.1.1)."""
    pairs = [f"{name}={quote(value, safe=_HEADER_VALUE)}" for name, value in headers]
    if not pairs or not contact.lower().startswith(("sip:", "sips:")):  # tel URIs and URNs have none
        return contact
    return f"{contact}{'&' if '?' in contact else '?'}{'&'.join(pairs)}"


def _tags_beside(answer: Answer, row: Row) -> list[tuple[str, str]]:
    """The headers of a tag, but for those that the response has anyhow."""
    taken = _OWN_HEADERS | {name.lower() for name, _ in row.headers}
    return [(name, value) for name, value in answer.add_headers.items() if name.lower() not in taken]


def load_profile(name: str, *, contact: str) -> ResponseMap:
    """The shipped profile of that name, or the file. Raises ConfigError."""
    shipped = shipped_profiles()
    path = PROFILES / f"{name}.toml" if name in shipped else Path(name)
    if name not in shipped and not name.endswith(".toml"):
        raise ConfigError(
            f"redirect.profile: expected one of {', '.join(shipped)} or a file NAME.toml, found {name!r}"
        )
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML, found a mistake: {error}") from None
    return ResponseMap(read_rows(table, str(path)), contact=contact)


def shipped_profiles() -> list[str]:
    """The names of the profiles that come with this package."""
    return sorted(path.stem for path in PROFILES.glob("*.toml"))


def read_rows(table: Mapping[str, object], origin: str) -> dict[str, Row]:
    """The rows of a profile. Raises ConfigError: names the key, what was expected and what was found."""
    for key in table:
        if key not in STANDINGS:
            known = ", ".join(STANDINGS)
            raise ConfigError(f"{origin}: {key}: expected one of {known}, found an unknown table")
    for name in _REQUIRED:
        if name not in table:
            raise ConfigError(f"{origin}: {name}: expected a table [{name}], found none")
    return {name: _read_row(name, value, origin) for name, value in table.items()}


def _read_row(name: str, value: object, origin: str) -> Row:
    def refuse(key: str, expected: str, found: object) -> ConfigError:
        place = f"{name}.{key}" if key else name
        return ConfigError(f"{origin}: {place}: expected {expected}, found {found!r}")

    if not isinstance(value, dict):
        raise refuse("", f"a table [{name}]", value)
    for key in value:
        if key not in _KEYS:
            raise refuse(key, f"one of {', '.join(_KEYS)}", key)
    silence = value.get("silence", False)
    if not isinstance(silence, bool):
        raise refuse("silence", "true or false", silence)
    if silence:
        if name == "clean" or len(value) > 1:
            raise refuse("silence", "it alone, and not for clean calls", value)
        return Row(silence=True)
    code = value.get("code")
    if code == "policy":
        if name not in ("spam", "drop"):
            raise refuse("code", "a status code: the policy has a response for spam alone", code)
        code = 0
    elif isinstance(code, bool) or not isinstance(code, int) or code not in _CODES:
        raise refuse("code", 'a status code from 300 to 699 but 401 and 407, or "policy"', code)
    reason = value.get("reason", "")
    if not isinstance(reason, str) or _TEXT.fullmatch(reason) is None:
        raise refuse("reason", "printable ASCII", reason)
    contact = value.get("contact", "")
    if not isinstance(contact, str) or not is_contact(contact):
        raise refuse("contact", CONTACT_EXPECTED, contact)
    tags = value.get("tags", "response")
    if tags not in TAG_PLACES:
        raise refuse("tags", f"one of {', '.join(TAG_PLACES)}", tags)
    if tags == "contact" and not 300 <= code < 400:
        raise refuse("tags", "contact with a code from 300 to 399 alone: others carry no Contact", tags)
    return Row(code, reason, contact, _read_headers(value.get("headers", {}), refuse), tags=tags)


def _read_headers(
    value: object, refuse: Callable[[str, str, object], ConfigError]
) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        raise refuse("headers", "a table of names and values", value)
    for header, text in value.items():
        if _TOKEN.fullmatch(header) is None or header.lower() in _OWN_HEADERS:
            raise refuse("headers", "the name of a header that the response does not have already", header)
        if not isinstance(text, str) or _TEXT.fullmatch(text) is None:
            raise refuse("headers", "values of printable ASCII", text)
    return tuple(value.items())


CONTACT_EXPECTED = 'a template such as "sip:{user}@sbc.example.net;spit={standing}" with ' + ", ".join(
    f"{{{place}}}" for place in _PLACES
)


def is_contact(template: str) -> bool:
    """Whether a template of a Contact names only what there is; empty is none."""
    try:
        parts = list(Formatter().parse(template))
    except ValueError:
        return False
    named = all(
        place is None or (place in _PLACES and not form and conversion is None)
        for _, place, form, conversion in parts
    )
    return named and re.fullmatch(r"((sips?:|tel:|\{request_uri\})[!-~]*)?", template) is not None
