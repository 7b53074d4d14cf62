"""The redirect server on its sockets: asyncio, the clock and the time budget are here and nowhere else."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from spit import _core
from spit.enforce.redirect.answer import FAIL_OPEN, Ask, AskError, UnreadableInviteError
from spit.enforce.redirect.listening import Listener
from spit.enforce.redirect.transactions import Send
from spit.enforce.redirect.user_agent_server import (
    MAX_MESSAGE_BYTES,
    Destination,
    Peer,
    Question,
    UserAgentServer,
)

#: Questions that may be open at the same time; the calls beyond are let through at once.
MAX_OPEN_QUESTIONS = 1000
#: Responses that a peer does not take off its connection.
_MAX_UNSENT_BYTES = 2**20
#: A failing scorer is told once in this time.
_LOG_EVERY_S = 10.0
_DRAIN_LOOK_S = 0.05

_log = logging.getLogger("spit.redirect")


class Channel(Protocol):
    """A datagram socket, or a connection."""

    def send(self, data: bytes, address: tuple[str, int]) -> bool:
        """Whether it was handed to the network."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``budget_s``: for an answer; ``idle_s``: a connection without a message is closed."""

    budget_s: float
    max_connections: int
    idle_s: float


class RedirectServer:
    """Serves ``listeners`` with what ``server`` decides and ``ask`` knows. Belongs to one event loop.

    ``clock``: seconds of a clock that never goes back.
    """

    def __init__(
        self, server: UserAgentServer[Channel], ask: Ask, limits: Limits, *, clock: Callable[[], float]
    ) -> None:
        self.core = server
        self.limits = limits
        self.clock = clock
        self.connections: set[_Connection] = set()
        self._ask = ask
        self._questions: set[asyncio.Task[None]] = set()
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self._timer: asyncio.TimerHandle | None = None
        self._timer_s = 0.0
        self._failing = False
        self._told_s = -_LOG_EVERY_S

    async def start(self, listeners: Sequence[Listener]) -> None:
        """Begin to answer."""
        loop = asyncio.get_running_loop()
        for listener in listeners:
            if listener.transport == "udp":
                transport, _ = await loop.create_datagram_endpoint(
                    lambda: _Datagrams(self), sock=listener.socket
                )
                self._datagrams.append(transport)
            else:
                self._servers.append(
                    await loop.create_server(lambda: _Connection(self), sock=listener.socket)
                )

    async def drain(self, timeout_s: float) -> bool:
        """Answer what was asked, wait for ACKs, then close; whether all of that was done in time.

        Calls that come meanwhile are let through, and OPTIONS tell peers to go elsewhere.
        """
        until_s = self.clock() + timeout_s
        self.core.draining = True
        for server in self._servers:
            server.close()
        while (self._questions or self.core.waiting) and self.clock() < until_s:
            await asyncio.sleep(_DRAIN_LOOK_S)
        done = not self._questions and not self.core.waiting
        for task in self._questions:
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()
        for connection in tuple(self.connections):
            connection.close()
        for transport in self._datagrams:
            transport.close()
        await self._ask.close()
        return done

    def counters(self) -> dict[str, int]:
        """By name (counters.py); from any thread."""
        return {**self.core.counters(), **self._ask.counters()}

    def levels(self) -> dict[str, int]:
        """By name (counters.py); from any thread."""
        return {**self.core.levels(), "connections_open": len(self.connections)}

    def take(self, data: bytes, peer: Peer[Channel]) -> None:
        """One message of a peer that was admitted."""
        outcome = self.core.receive(data, peer, self.clock())
        self._send(outcome.sends)
        if outcome.question is not None:
            self._put(outcome.question)
        self._arm()

    def _put(self, question: Question[Channel]) -> None:
        if self.core.draining or len(self._questions) >= MAX_OPEN_QUESTIONS:
            self.core.count("asks_shed")
            self._send(self.core.answered(question, FAIL_OPEN, self.clock()))
            return
        task = asyncio.get_running_loop().create_task(self._answer(question))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)

    async def _answer(self, question: Question[Channel]) -> None:
        answer, failure = FAIL_OPEN, ""
        try:
            async with asyncio.timeout(self.limits.budget_s):
                answer = await self._ask.ask(question.invite, question.peer.ip, question.source_ip)
        except TimeoutError:
            self.core.count("asks_late")
            failure = f"no answer within {self.limits.budget_s * 1000:.0f} ms"
        except UnreadableInviteError:
            self.core.count("asks_unreadable")
        except AskError as error:
            self.core.count("asks_failed")
            failure = str(error)
        except Exception as error:  # noqa: BLE001
            # Whatever fails, the SBC gets an answer and the call goes through.
            self.core.count("asks_failed")
            failure = repr(error)
        self._tell(failure)
        self._send(self.core.answered(question, answer, self.clock()))
        self._arm()

    def _tell(self, failure: str) -> None:
        """Logs that calls go through unscored, and that they are scored again; not once a call."""
        now_s = self.clock()
        if bool(failure) == self._failing or now_s < self._told_s + _LOG_EVERY_S:
            return
        self._failing, self._told_s = bool(failure), now_s
        if failure:
            _log.error("calls go through without a verdict: %s", failure)
        else:
            _log.warning("calls get verdicts again")

    def _send(self, sends: Iterable[Send[Destination[Channel]]]) -> None:
        for send in sends:
            destination = send.route
            if not destination.channel.send(send.data, destination.address):
                self.core.count("responses_lost")

    def _arm(self) -> None:
        due_s = self.core.due_s()
        if due_s is None or (self._timer is not None and self._timer_s <= due_s):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer_s = due_s
        delay_s = max(due_s - self.clock(), 0.0)
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._send(self.core.advance(self.clock()))
        self._arm()


class _Datagrams(asyncio.DatagramProtocol):
    """UDP: one socket."""

    def __init__(self, server: RedirectServer) -> None:
        self._server = server
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        ip, port = addr[0].partition("%")[0], addr[1]
        if self._server.core.admits(ip):
            self._server.take(data, Peer(ip, port, self, reliable=False))

    def error_received(self, exc: Exception) -> None:  # noqa: ARG002
        self._server.core.count("responses_lost")

    def send(self, data: bytes, address: tuple[str, int]) -> bool:
        """As ``Channel.send``."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.sendto(data, address)
        return True


class _Connection(asyncio.Protocol):
    """TCP: one connection."""

    def __init__(self, server: RedirectServer) -> None:
        self._server = server
        self._stream = _core.SipStream()
        self._transport: asyncio.Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._heard_s = 0.0
        self._peer: Peer[Channel] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        core = self._server.core
        ip, port = transport.get_extra_info("peername")[:2]
        ip = ip.partition("%")[0]
        if not core.admits(ip):
            transport.abort()
            return
        if len(self._server.connections) >= self._server.limits.max_connections or core.draining:
            core.count("connections_refused")
            transport.abort()
            return
        core.count("connections")
        self._server.connections.add(self)
        self._transport = transport
        self._peer = Peer(ip, port, self, reliable=True)
        self._heard_s = self._server.clock()
        self._watch(self._server.limits.idle_s)

    def data_received(self, data: bytes) -> None:
        if self._peer is None:
            return
        self._heard_s = self._server.clock()
        for message in self._stream.push(data):
            self._server.take(message, self._peer)
        if len(self._stream) > MAX_MESSAGE_BYTES or self._stream.junk_bytes > MAX_MESSAGE_BYTES:
            self._cut()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._server.connections.discard(self)
        if self._idle is not None:
            self._idle.cancel()

    def send(self, data: bytes, address: tuple[str, int]) -> bool:  # noqa: ARG002
        """As ``Channel.send``; the connection knows its address."""
        if self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > _MAX_UNSENT_BYTES:
            self._cut()
        return True

    def close(self) -> None:
        """Close it when what was written is sent."""
        if self._transport is not None:
            self._transport.close()

    def _cut(self) -> None:
        self._server.core.count("connections_cut")
        if self._transport is not None:
            self._transport.abort()

    def _watch(self, delay_s: float) -> None:
        self._idle = asyncio.get_running_loop().call_later(delay_s, self._look)

    def _look(self) -> None:
        left_s = self._heard_s + self._server.limits.idle_s - self._server.clock()
        if left_s > 0:
            self._watch(left_s)
        else:
            self._cut()
