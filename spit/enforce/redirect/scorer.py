"""The verdict from a scorer over HTTP: ``POST /v1/score`` with the raw INVITE (docs/http-api.md)."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from urllib.parse import urlencode

from spit.enforce.redirect.answer import Answer, AskError, UnreadableInviteError
from spit.enforce.redirect.circuit import Circuit
from spit.enforce.redirect.http_client import HttpClient, HttpError, HttpResponse
from spit.records import ActionKind, SipAnswer

#: Statuses that speak of the INVITE, not of the scorer.
_UNREADABLE = (400, 413, 422)
_TEXT = re.compile(r"[ -~]*")
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")

_log = logging.getLogger("spit.redirect")


class ScorerAsk:
    """Asks a scorer; after ``failures`` in a row nobody is asked for ``bypass_s``.

    ``clock``: seconds of a clock that never goes back. ``observe``: the scorer counts the attempt too.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str,
        observe: bool,
        circuit: Circuit,
        clock: Callable[[], float],
    ) -> None:
        self._url = url
        self._client = HttpClient(url)
        self._headers = {"Content-Type": "application/sip", "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._observe = observe
        self._circuit = circuit
        self._clock = clock
        self._bypassed = 0

    async def ask(self, invite: bytes, peer_ip: str, source_ip: str | None) -> Answer:  # noqa: ARG002
        """As ``Ask.ask``; the time budget is kept by cancelling, which counts as a failure."""
        if not self._circuit.allows(self._clock()):
            self._bypassed += 1
            raise AskError("the scorer is not asked for a while")
        query = {"observe": "true"} if self._observe else {}
        if source_ip is not None:
            query["source_ip"] = source_ip
        target = "/v1/score" + (f"?{urlencode(query)}" if query else "")
        try:
            answer = read_answer(await self._client.post(target, invite, self._headers))
        except UnreadableInviteError:
            self._succeeded()
            raise
        except (HttpError, AskError) as error:
            self._failed(str(error))
            raise AskError(str(error)) from None
        except BaseException:
            self._failed("no answer in time")
            raise
        self._succeeded()
        return answer

    async def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def counters(self) -> dict[str, int]:
        """``asks_bypassed`` and ``circuit_opened``."""
        return {"asks_bypassed": self._bypassed, "circuit_opened": self._circuit.opened}

    def _succeeded(self) -> None:
        if self._circuit.succeeded():
            _log.warning("the scorer %s answers again", self._url)

    def _failed(self, words: str) -> None:
        if self._circuit.failed(self._clock()):
            _log.error("the scorer %s is not asked for a while, calls go through: %s", self._url, words)


def read_answer(response: HttpResponse) -> Answer:
    """The answer of /v1/score. Raises AskError; UnreadableInviteError where the INVITE is at fault."""
    if response.status in _UNREADABLE:
        raise UnreadableInviteError(f"the scorer refused the INVITE with {response.status}")
    if response.status != 200:
        raise AskError(f"status {response.status}")
    try:
        document = json.loads(response.body)
        action = ActionKind(document["action"])
        sip = document["sip"]
        return Answer(
            action,
            sip=None if sip is None else _read_sip(sip),
            degraded=document.get("degraded") is True,
            add_headers=_read_headers(document.get("add_headers") or {}),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise AskError("expected a verdict, found something else") from None


def _read_sip(sip: dict[str, object]) -> SipAnswer:
    """Nothing of it may break out of the response. Raises ValueError or what a wrong shape raises."""
    code, reason, headers = sip["code"], sip["reason"], sip["headers"]
    if not (isinstance(code, int) and 300 <= code <= 699):
        raise ValueError
    if not (isinstance(reason, str) and _TEXT.fullmatch(reason)):
        raise ValueError
    return SipAnswer(code, reason, _read_headers(headers))


def _read_headers(headers: object) -> dict[str, str]:
    """Raises ValueError, or TypeError for names that are no text."""
    if not isinstance(headers, dict):
        raise ValueError
    for name, value in headers.items():
        if not (_TOKEN.fullmatch(name) and isinstance(value, str) and _TEXT.fullmatch(value)):
            raise ValueError
    return dict(headers)
