"""What is done with each message: checks, transactions, responses (RFC 3261 sections 8.2, 9.2, 11.2, 17.2).

No socket and no clock, as transactions.py: time is an argument, and what is to be sent is the answer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic

from spit.enforce.redirect.answer import FAIL_OPEN, Answer
from spit.enforce.redirect.counters import MEANINGS
from spit.enforce.redirect.profile import ResponseMap
from spit.enforce.redirect.request import SUPPORTED_OPTIONS, Key, Refusal, Request
from spit.enforce.redirect.response import ALLOW, build_response, response_tag
from spit.enforce.redirect.transactions import Route, Send, Transaction, Transactions

#: Longer ones are no signalling; UDP cannot carry them anyway.
MAX_MESSAGE_BYTES = 64 * 1024
PING, PONG = b"\r\n\r\n", b"\r\n"
_MAX_KNOWN_PEERS = 4096


@dataclass(frozen=True, slots=True)
class Peer(Generic[Route]):
    """Who sent a message. ``channel``: the socket or connection it came on."""

    ip: str
    port: int
    channel: Route
    reliable: bool


@dataclass(frozen=True, slots=True)
class Destination(Generic[Route]):
    """Where bytes go: out of ``channel``, to an address where that is a datagram socket."""

    channel: Route
    address: tuple[str, int]


@dataclass(frozen=True, slots=True)
class Question(Generic[Route]):
    """An INVITE to ask about; the answer goes to ``UserAgentServer.answered``."""

    key: Key
    request: Request
    peer: Peer[Route]
    invite: bytes
    source_ip: str | None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Route]):
    """What follows from a message."""

    sends: tuple[Send[Destination[Route]], ...] = ()
    question: Question[Route] | None = None


class UserAgentServer(Generic[Route]):
    """Answers the requests of ``peers`` (networks); everybody else is dropped.

    ``tag_key``: secret bytes that To tags are made of. ``source_header``: the header in which an SBC tells
    who sent it the call; empty for none.
    """

    def __init__(
        self,
        responses: ResponseMap,
        *,
        peers: Sequence[str],
        tag_key: bytes,
        max_transactions: int,
        source_header: str = "",
    ) -> None:
        self._responses = responses
        self._peers = [ipaddress.ip_network(peer) for peer in peers]
        self._known: dict[str, bool] = {}
        self._tag_key = tag_key
        self._source_header = source_header.lower()
        self._transactions: Transactions[Destination[Route]] = Transactions(max_transactions)
        # Every name from the start: a dict that does not grow can be read from another thread.
        self._counts = dict.fromkeys(MEANINGS, 0)
        self.draining = False

    def counters(self) -> dict[str, int]:
        """By name (counters.py)."""
        return {**self._counts, **self._transactions.counters()}

    def count(self, name: str) -> None:
        """One more of what the sockets see."""
        self._counts[name] += 1

    def levels(self) -> dict[str, int]:
        """By name (counters.py)."""
        return {"transactions": len(self._transactions)}

    @property
    def waiting(self) -> int:
        """Transactions whose answer or ACK has not come."""
        return self._transactions.unacknowledged

    def admits(self, ip: str) -> bool:
        """Whether an address may ask; counted when not."""
        known = self._known.get(ip)
        if known is None:
            known = self._is_peer(ip)
            if len(self._known) >= _MAX_KNOWN_PEERS:
                self._known.clear()
            self._known[ip] = known
        if not known:
            self._counts["peers_refused"] += 1
        return known

    def receive(self, data: bytes, peer: Peer[Route], now_s: float) -> Outcome[Route]:
        """One datagram, or one message of a stream, of a peer that was admitted."""
        if not data.strip(b"\r\n\0"):
            self._counts["keep_alives"] += 1
            pong = peer.reliable and data == PING
            return Outcome((Send(Destination(peer.channel, (peer.ip, peer.port)), PONG),) if pong else ())
        if data.startswith(b"SIP/"):
            self._counts["responses_ignored"] += 1
            return Outcome()
        request = Request.decode(data)
        if request is None:
            self._counts["not_sip"] += 1
            return Outcome()
        self._counts["messages"] += 1
        if request.method == "ACK":
            self._acknowledge(request, now_s)
            return Outcome()
        refusal = request.refusal()
        if refusal is not None:
            return self._refuse(request, peer, refusal)
        if request.method == "INVITE":
            return self._invite(request, peer, data, now_s)
        if request.method == "CANCEL":
            return self._cancel(request, peer, now_s)
        if request.method == "OPTIONS":
            return self._options(request, peer)
        return self._refuse(request, peer, Refusal(405, "Method Not Allowed", (("Allow", ALLOW),)))

    def answered(
        self, question: Question[Route], answer: Answer, now_s: float
    ) -> Iterable[Send[Destination[Route]]]:
        """The response that tells ``answer``; nothing where the call was cancelled meanwhile."""
        transaction = self._transactions.find(question.key)
        if transaction is None or not transaction.is_open:
            return ()
        response = self._response(question.request, question.peer, answer)
        if response is None:
            self._transactions.silence(transaction, now_s)
            return ()
        return self._transactions.answer(transaction, response, now_s)

    def due_s(self) -> float | None:
        """When ``advance`` has something to do."""
        return self._transactions.due_s()

    def advance(self, now_s: float) -> list[Send[Destination[Route]]]:
        """What timers send."""
        return self._transactions.advance(now_s)

    def _invite(self, request: Request, peer: Peer[Route], data: bytes, now_s: float) -> Outcome[Route]:
        key = request.transaction_key
        known = self._transactions.find(key)
        if known is not None:
            return Outcome(tuple(self._transactions.repeated(known)))
        if request.to_tag:  # of a dialog, and there is none here (RFC 3261 section 12.2.2)
            return self._refuse(request, peer, Refusal(481, "Call/Transaction Does Not Exist"))
        destination = self._destination(request, peer)
        transaction = self._transactions.open(
            key,
            destination,
            reliable=peer.reliable,
            trying=partial(self._build, request, peer, 100),
            terminated=partial(self._build, request, peer, 487),
            now_s=now_s,
        )
        if transaction is None:
            # Without a place to remember it, it is answered as a stateless server does (section 8.2.7).
            response = self._response(request, peer, FAIL_OPEN)
            return Outcome(() if response is None else (Send(destination, response),))
        return Outcome(question=Question(key, request, peer, data, self._told_source(request)))

    def _cancel(self, request: Request, peer: Peer[Route], now_s: float) -> Outcome[Route]:
        transaction = self._transactions.find(request.transaction_key)
        if transaction is None:
            self._counts["cancels_late"] += 1
            return Outcome(self._respond(request, peer, 481))
        if transaction.is_open:
            self._counts["cancels"] += 1
        else:
            self._counts["cancels_late"] += 1
        ended = self._transactions.cancel(transaction, now_s)
        return Outcome((*self._respond(request, peer, 200), *ended))

    def _acknowledge(self, request: Request, now_s: float) -> None:
        transaction: Transaction[Destination[Route]] | None
        transaction = self._transactions.find(request.transaction_key)
        if transaction is None:
            self._counts["acks_unmatched"] += 1
        else:
            self._transactions.acknowledge(transaction, now_s)

    def _options(self, request: Request, peer: Peer[Route]) -> Outcome[Route]:
        self._counts["options"] += 1
        if self.draining:  # as an INVITE would be answered by one who is leaving (section 11.2)
            return Outcome(self._respond(request, peer, 503))
        headers = (
            ("Allow", ALLOW),
            ("Accept", "application/sdp"),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "en"),
            ("Supported", ", ".join(SUPPORTED_OPTIONS)),
        )
        return Outcome(self._respond(request, peer, 200, headers=headers))

    def _refuse(self, request: Request, peer: Peer[Route], refusal: Refusal) -> Outcome[Route]:
        """Stateless: a retransmission is refused again with the same bytes (RFC 3261 section 8.2.7)."""
        self._counts["refused"] += 1
        return Outcome(self._respond(request, peer, refusal.code, refusal.reason, refusal.headers))

    def _response(self, request: Request, peer: Peer[Route], answer: Answer) -> bytes | None:
        self._counts[f"answers_{self._responses.standing(answer)}"] += 1
        self._counts["answers_degraded"] += answer.degraded
        reply = self._responses.reply(answer, request)
        if reply is None:
            self._counts["answers_silent"] += 1
            return None
        return self._build(request, peer, reply.code, reply.reason, reply.headers)

    def _respond(
        self,
        request: Request,
        peer: Peer[Route],
        code: int,
        reason: str = "",
        headers: Iterable[tuple[str, str]] = (),
    ) -> tuple[Send[Destination[Route]], ...]:
        return (Send(self._destination(request, peer), self._build(request, peer, code, reason, headers)),)

    def _build(
        self,
        request: Request,
        peer: Peer[Route],
        code: int,
        reason: str = "",
        headers: Iterable[tuple[str, str]] = (),
    ) -> bytes:
        tag = response_tag(request, self._tag_key)
        return build_response(request, code, reason, headers, source=(peer.ip, peer.port), tag=tag)

    def _destination(self, request: Request, peer: Peer[Route]) -> Destination[Route]:
        if peer.reliable:
            return Destination(peer.channel, (peer.ip, peer.port))
        elsewhere = request.via.multicast_address()
        # maddr could make this server send to anybody; only to peers it does.
        if elsewhere is not None and self._is_peer(elsewhere[0]):
            return Destination(peer.channel, elsewhere)
        return Destination(peer.channel, request.via.response_address(peer.ip, peer.port))

    def _is_peer(self, ip: str) -> bool:
        address = ipaddress.ip_address(ip)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self._peers)

    def _told_source(self, request: Request) -> str | None:
        """The address in ``source_header``; None where there is none."""
        if not self._source_header:
            return None
        try:
            return str(ipaddress.ip_address((request.header(self._source_header) or "").strip("[] ")))
        except ValueError:
            return None
