"""Who asks, and how often: no request reaches a route without a key where keys are configured."""

from __future__ import annotations

import hashlib
import logging
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from typing import Any

from anyio import to_thread
from starlette.types import ASGIApp, Receive, Scope, Send

from spit.service.keyring import AGENT_SCOPES, KeyRing, Principal, token_keys
from spit.service.problems import ProblemError, problem_response
from spit.service.rate_limit import TokenBuckets, peer_of

#: Answered without a key: they tell nothing but whether the service works.
OPEN_PATHS = frozenset({"/healthz", "/readyz"})
SCORE_PATH = "/v1/score"

#: For how long what a key ring said is remembered: a revoked key is refused this much later at most.
_KNOWN_S = 10.0
_UNKNOWN_S = 2.0
#: For how long a known key is good while the key ring cannot be asked.
_UNREACHABLE_S = 3_600.0
_MAX_REMEMBERED = 10_000
_MAX_KEY_BYTES = 512
#: Wrong keys that one peer may show: some at once, then some a second.
_FAILURES_BURST, _FAILURES_PER_S = 20, 2

_PRINCIPAL = "spit.principal"
_LIMITED = "spit.limited"
_CHALLENGE = {"WWW-Authenticate": "Bearer"}

_log = logging.getLogger("spit.service")


class Guard:
    """Knows keys and rates. It belongs to the event loop; ``configure`` may be called from any thread.

    ``clock``: seconds, monotonic; ``now``: epoch seconds. ``request_rate``, ``score_rate``: requests a second
    of one key, or of one peer without a key; 0: any number.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        request_rate: float = 0.0,
        score_rate: float = 0.0,
    ) -> None:
        self._clock = clock
        self._now = now
        self._rings: tuple[KeyRing, ...] = ()
        self._always = False
        self._agent: KeyRing = token_keys("")
        self._asks_agents = False
        self._remembered: OrderedDict[bytes, tuple[Principal | None, float]] = OrderedDict()
        self._requests = TokenBuckets(request_rate, 2 * request_rate, clock=clock)
        self._scores = TokenBuckets(score_rate, 2 * score_rate, clock=clock)
        self._failures = TokenBuckets(_FAILURES_PER_S, _FAILURES_BURST, clock=clock)
        self._silent = False
        self._refusals: dict[str, int] = dict.fromkeys(("no_key", "unknown_key", "scope", "rate"), 0)

    def configure(self, rings: Sequence[KeyRing], token: str, *, always: bool = False) -> None:
        """Other keys, another token of agents ("": none); from the next request on.

        ``always``: keys are asked for although there are none yet, which shuts everybody out.
        """
        self._rings = tuple(rings)
        self._always = always
        self._agent, self._asks_agents = token_keys(token), bool(token)
        self._remembered = OrderedDict()

    @property
    def asks_for_keys(self) -> bool:
        """Whether every route but the open ones needs a key."""
        return self._always or any(len(ring) for ring in self._rings)

    def refusals(self) -> dict[str, int]:
        """Requests refused so far, by reason, and buckets forgotten."""
        return {**self._refusals, "buckets_evicted": self._requests.evicted + self._scores.evicted}

    def check(self, scope: Mapping[str, Any], wanted: str) -> None:
        """Raises ProblemError (401, 403) unless who asks by the ASGI ``scope`` has the scope ``wanted``."""
        if not self._asks_for_key(wanted):
            return
        principal: Principal | None = scope.get(_PRINCIPAL)
        if principal is None:
            self._refusals["no_key"] += 1
            raise ProblemError(401, _NO_KEY, headers=_CHALLENGE)
        if not _may(principal, wanted):
            self._refusals["scope"] += 1
            have = ", ".join(sorted(principal.scopes))
            raise ProblemError(403, f"expected a key with the scope {wanted}, found one with {have}")

    def lets_pass(self, headers: Iterable[tuple[bytes, bytes]], wanted: str) -> bool:
        """Whether who shows these headers may do what is ``wanted``, as far as is known without asking."""
        if not self._asks_for_key(wanted):
            return True
        known = self._known(hashlib.sha256(_shown_key(headers)).digest())
        return known is not None and known[0] is not None and _may(known[0], wanted)

    def admits_at_once(self, scope: MutableMapping[str, Any]) -> bool:
        """As ``admit`` for a score, of who is known and asks no more than it may; notes it in ``scope`` too.

        Nothing is counted, not even the request (``charge``). False: only ``admit`` can tell.
        """
        principal: Principal | None = None
        key = _shown_key(scope["headers"])
        if key and (self.asks_for_keys or self._asks_agents):
            known = self._known(hashlib.sha256(key).digest())
            if known is None:
                return False
            principal = known[0]
        if self._asks_for_key("score") and (principal is None or not _may(principal, "score")):
            return False
        scope[_PRINCIPAL] = principal
        return self._scores.wait_s(_bucket(scope)) <= 0.0

    def charge(self, scope: Mapping[str, Any]) -> None:
        """Count a score that was admitted at once and has been answered."""
        self._scores.take(_bucket(scope))

    def _known(self, digest: bytes) -> tuple[Principal | None, float] | None:
        """What is remembered of a key, and until when that holds; None when nothing is, or not any more."""
        known = self._remembered.get(digest)
        return known if known is not None and self._clock() < known[1] else None

    def _asks_for_key(self, wanted: str) -> bool:
        return self.asks_for_keys or (self._asks_agents and wanted in AGENT_SCOPES)

    async def admit(self, scope: Scope) -> None:
        """Note in ``scope`` who asks. Raises ProblemError: the request ends here."""
        path = scope["path"]
        if path in OPEN_PATHS:
            return
        key = _shown_key(scope["headers"])
        principal: Principal | None = None
        asks = self.asks_for_keys
        if key and (asks or self._asks_agents):
            principal = await self._identify(key, peer_of(scope.get("client")))
        if principal is None and asks:
            self._refusals["unknown_key" if key else "no_key"] += 1
            raise ProblemError(401, _NO_KEY, headers=_CHALLENGE)
        scope[_PRINCIPAL] = principal
        bucket = _bucket(scope)
        if path == SCORE_PATH:
            # Here, not by a dependency: FastAPI's take as long as a verdict.
            self.check(scope, "score")
            # No SBC must wait or fail because it asks a lot: its calls pass.
            scope[_LIMITED] = self._scores.take(bucket) > 0.0
            return
        wait_s = self._requests.take(bucket)
        if wait_s > 0.0:
            self._refusals["rate"] += 1
            raise _too_many("expected fewer requests a second", wait_s)

    async def _identify(self, key: bytes, peer: str) -> Principal | None:
        if len(key) > _MAX_KEY_BYTES:
            return None
        digest = hashlib.sha256(key).digest()
        known = self._remembered.get(digest)
        if known is not None and self._clock() < known[1]:
            return known[0]
        wait_s = self._failures.wait_s(peer)
        if wait_s > 0.0:
            self._refusals["rate"] += 1
            raise _too_many("expected fewer requests with wrong keys", wait_s)
        remembered = self._remembered  # another one once keys are configured anew
        rings = (self._agent, *self._rings)
        try:
            principal = await to_thread.run_sync(_verify, rings, key.decode("latin-1"), self._now())
        except Exception as error:  # noqa: BLE001  a database that is gone, in whichever way
            self._report(error)
            if known is not None and known[0] is not None and self._clock() < known[1] + _UNREACHABLE_S:
                return known[0]
            raise ProblemError(503, "keys cannot be checked now", headers={"Retry-After": "1"}) from None
        self._report(None)
        if principal is None:
            self._failures.take(peer)
        remembered[digest] = (principal, self._clock() + (_UNKNOWN_S if principal is None else _KNOWN_S))
        remembered.move_to_end(digest)
        if len(remembered) > _MAX_REMEMBERED:
            remembered.popitem(last=False)
        return principal

    def _report(self, error: Exception | None) -> None:
        silent, self._silent = self._silent, error is not None
        if error is not None and not silent:
            _log.error(
                "API keys cannot be checked, known ones are taken for an hour: %s", type(error).__name__
            )
        elif error is None and silent:
            _log.warning("API keys are checked again")


class GuardMiddleware:
    """ASGI middleware: asks ``guard`` before anything of the request's body is read."""

    def __init__(self, app: ASGIApp, *, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                await self._guard.admit(scope)
            except ProblemError as refused:
                answer = problem_response(
                    refused.status, refused.detail, instance=scope["path"], headers=refused.headers
                )
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_limited(scope: Mapping[str, Any]) -> bool:
    """Whether the one who asks for this score asks more often than it may."""
    return bool(scope.get(_LIMITED))


def principal_of(scope: Mapping[str, Any]) -> Principal | None:
    """Who asks; None without a key."""
    principal: Principal | None = scope.get(_PRINCIPAL)
    return principal


def principal_name(scope: Mapping[str, Any]) -> str:
    """The name of the key that was shown; "" without one."""
    principal = principal_of(scope)
    return "" if principal is None else principal.name


def _bucket(scope: Mapping[str, Any]) -> tuple[str, str]:
    """Whose rate a request that was admitted counts for."""
    principal = principal_of(scope)
    return ("peer", peer_of(scope.get("client"))) if principal is None else ("key", principal.name)


def _may(principal: Principal, wanted: str) -> bool:
    return wanted in principal.scopes or "admin" in principal.scopes


_NO_KEY = "expected the header Authorization: Bearer with a key that is known here"


def _verify(rings: Sequence[KeyRing], key: str, now: float) -> Principal | None:
    """Every ring is asked, so that time does not tell which one knows the key."""
    found = [ring.verify(key, now) for ring in rings]
    return next((principal for principal in found if principal is not None), None)


def _shown_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The key of ``Authorization: Bearer`` or ``X-API-Key``; empty without one, and with several."""
    shown: set[bytes] = set()
    for name, value in headers:
        if name == b"authorization":
            scheme, _, rest = value.partition(b" ")
            if scheme.lower() == b"bearer":
                shown.add(rest.strip())
        elif name == b"x-api-key":
            shown.add(value.strip())
    return shown.pop() if len(shown) == 1 else b""


def _too_many(detail: str, wait_s: float) -> ProblemError:
    return ProblemError(429, detail, headers={"Retry-After": str(max(1, math.ceil(wait_s)))})
