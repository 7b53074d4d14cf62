"""A request in the parts that an answer needs, and what is wrong with it (RFC 3261 section 8.2)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from spit.enforce.redirect.grammar import first_of_list, has_empty_element, tag
from spit.enforce.redirect.via import MAGIC_COOKIE, Via

#: Options that ask nothing of an element that sends no provisional response but 100 and accepts no session.
SUPPORTED_OPTIONS = ("100rel", "histinfo", "resource-priority", "timer")
#: Anomalies of a request that cannot be answered as meant, and the reason phrase of its 400.
_MISTAKES = {
    "bad_start_line": "Bad Request Line",
    "no_header_end": "Headers Without End",
    "bad_header_line": "Bad Header Line",
    "repeated_header": "Repeated Header",
    "bad_content_length": "Bad Content-Length",
    "short_body": "Body Shorter Than Content-Length",
    "no_call_id": "Missing Call-ID",
    "no_cseq": "Missing CSeq",
    "bad_cseq": "Bad CSeq",
    "cseq_method": "CSeq Of Another Method",
    "no_from": "Missing From",
    "no_to": "Missing To",
}
_SCHEMES = ("sip", "sips", "tel", "urn")
_URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>.*)", re.DOTALL)

Key = Hashable


@dataclass(frozen=True, slots=True)
class Refusal:
    """A response that is decided without a verdict."""

    code: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose topmost Via can be read. Text is ISO 8859-1, octet for octet.

    ``headers``: name and value in order, known names in full, folds undone. ``anomalies``: their names.
    """

    method: str
    uri: str
    headers: tuple[tuple[str, str], ...]
    anomalies: frozenset[str]
    via: Via
    _first: dict[str, str] = field(repr=False)

    @classmethod
    def decode(cls, data: bytes) -> Request | None:
        """The request of a datagram, or of one message of a stream; None when nothing can be answered."""
        from spit import _core

        parts = _core.parse_message(data)
        if parts is None:
            return None
        method, uri, _, headers, anomalies = parts
        if method is None:
            return None
        first: dict[str, str] = {}
        for name, value in headers:
            first.setdefault(name.lower(), value)
        via = Via.parse(first_of_list(first.get("via", ""))[0])
        if via is None:
            return None
        return cls(method, uri, tuple(headers), frozenset(anomalies), via, first)

    def header(self, name: str) -> str | None:
        """The first header of that name (lower case, in full)."""
        return self._first.get(name)

    def every(self, name: str) -> Iterator[str]:
        """The values of every header of that name (lower case, in full), in order."""
        return (value for key, value in self.headers if key.lower() == name)

    @property
    def from_tag(self) -> str:
        """Empty where there is none."""
        return tag(self.header("from") or "") or ""

    @property
    def to_tag(self) -> str:
        """Empty where there is none."""
        return tag(self.header("to") or "") or ""

    @property
    def cseq_number(self) -> str:
        """The number of CSeq as written."""
        return next(iter((self.header("cseq") or "").split()), "")

    @property
    def is_rfc3261(self) -> bool:
        """Whether the branch names the transaction (the magic cookie of RFC 3261)."""
        branch = self.via.branch.lower()
        return branch.startswith(MAGIC_COOKIE) and len(branch) > len(MAGIC_COOKIE)

    @property
    def transaction_key(self) -> Key:
        """The INVITE transaction that an INVITE opens and its ACK and CANCEL name (RFC 3261 section 17.2.3).

        Without the magic cookie it is told as RFC 2543 does: Request-URI, From tag, Call-ID, CSeq number and
        the topmost Via.
        """
        if self.is_rfc3261:
            return self.via.branch.lower(), self.via.sent_by
        call_id = self.header("call-id")
        return self.uri, self.from_tag, call_id, self.cseq_number, self.header("via")

    def refusal(self) -> Refusal | None:
        """What is wrong with it, as a response (RFC 3261 section 8.2); None when it may be served."""
        if "bad_version" in self.anomalies:
            return Refusal(505, "Version Not Supported")
        for anomaly, reason in _MISTAKES.items():
            if anomaly in self.anomalies:
                return Refusal(400, reason)
        if has_empty_element(self.header("via") or ""):
            return Refusal(400, "Bad Via")
        found = _URI.fullmatch(self.uri)
        if found is None:
            return Refusal(400, "Bad Request-URI")
        scheme = found["scheme"].lower()
        if scheme not in _SCHEMES:
            return Refusal(416, "Unsupported URI Scheme")
        if scheme in ("sip", "sips") and "?" in found["rest"].rpartition("@")[2]:
            return Refusal(400, "Headers In Request-URI")  # RFC 3261 section 19.1.1
        return self._refused_hops() or self._refused_options()

    def _refused_hops(self) -> Refusal | None:
        hops = self.header("max-forwards")
        if hops is None:
            return None
        if re.fullmatch(r"[0-9]{1,9}", hops) is None or int(hops) > 255:
            return Refusal(400, "Bad Max-Forwards")
        # Who asks what is supported gets the answer at the last hop too (RFC 3261 section 11).
        return Refusal(483, "Too Many Hops") if int(hops) == 0 and self.method != "OPTIONS" else None

    def _refused_options(self) -> Refusal | None:
        options = [one.strip() for value in self.every("require") for one in value.split(",")]
        unknown = [one for one in options if one and one.lower() not in SUPPORTED_OPTIONS]
        return Refusal(420, "Bad Extension", (("Unsupported", ", ".join(unknown)),)) if unknown else None
