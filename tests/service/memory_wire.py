"""The service's HTTP protocol over a transport in memory: what is read when is the test's choice."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import uvicorn
from prometheus_client.parser import text_string_to_metric_families
from service_client import NOW_US, TableEngine
from uvicorn.server import ServerState

from spit.config import Config
from spit.service.app import create_app
from spit.service.connections import http_protocol
from spit.service.guard import Guard
from spit.service.keyring import KeyRing
from spit.service.loop_turn import LoopTurn
from spit.service.overload import ScoreGate

DATE = b"Sun, 22 Nov 2026 23:50:00 GMT"
_OWN_ID = re.compile(rb"\b[0-9a-f]{16}\b")
_OWN_CALL_ID = re.compile(r"http-[0-9a-f]{32}-\d+")


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False
        self.is_paused = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"sockname": ("127.0.0.1", 8060), "peername": ("127.0.0.1", 40_000)}.get(name, default)


class Side:
    """One application, by the short way where there is one or always by the long one."""

    def __init__(
        self,
        config: Config,
        *,
        is_short: bool = True,
        ring: KeyRing | None = None,
        header_timeout_s: float = 60.0,
        keep_alive_s: int = 60,
    ) -> None:
        #: Of the guard, of the gate and of the loop's turns.
        self.now_s = 1_000.0
        self.engine = TableEngine(config)
        guard = Guard(
            clock=lambda: self.now_s,
            now=lambda: self.now_s,
            request_rate=config.service.request_rate,
            score_rate=config.service.score_rate,
        )
        guard.configure([] if ring is None else [ring], "")
        gate = ScoreGate(threads=1, budget_s=config.service.score_budget_ms / 1e3, clock=lambda: self.now_s)
        self.app = create_app(
            self.engine, config, time_source=lambda: NOW_US, timer=lambda: 0.0, guard=guard, gate=gate
        )
        self.questions = self.app.state.plain_questions
        self.questions._turn = LoopTurn(lambda: self.now_s)
        self._protocol: Any = http_protocol(header_timeout_s, self.questions if is_short else None)
        self._config = uvicorn.Config(
            self.app,
            http=self._protocol,
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=config.service.max_connections,
            timeout_keep_alive=keep_alive_s,
        )
        self._config.load()
        self.state = ServerState()
        self.state.default_headers = [(b"date", DATE)]

    def connect(self) -> tuple[Any, Wire]:
        """A protocol of the running loop, and its transport."""
        protocol = self._protocol(
            config=self._config, server_state=self.state, app_state={}, _loop=asyncio.get_running_loop()
        )
        wire = Wire()
        protocol.connection_made(wire)
        return protocol, wire

    async def settle(self) -> None:
        """Until everything that was read whole is answered."""
        while self.state.tasks:
            await asyncio.wait(set(self.state.tasks))
        for _ in range(3):
            await asyncio.sleep(0)

    def talk(self, segments: Sequence[Sequence[bytes]]) -> bytes:
        """What comes back on one connection: the pieces of a segment follow each other without waiting."""

        async def run() -> bytes:
            protocol, wire = self.connect()
            for pieces in segments:
                for piece in pieces:
                    if wire.is_closed:
                        break
                    protocol.data_received(piece)
                    await asyncio.sleep(0)
                await self.settle()
                self.now_s += 0.25
            wire.close()
            protocol.connection_lost(None)
            await self.settle()
            return wire.written

        return _OWN_ID.sub(b"(made)", asyncio.run(run()))

    def counted(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every sample of /metrics but the times at which they were made."""
        text = self.questions._metrics.exposition().decode()
        return {
            (one.name, tuple(sorted(one.labels.items()))): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
            if not one.name.endswith("_created")
        }

    def assessed(self) -> list[dict[str, Any]]:
        """The attempts that were scored, without the Call-IDs that were made up."""
        return [
            {**row, "call_id": None if _OWN_CALL_ID.fullmatch(row["call_id"]) else row["call_id"]}
            for row in self.engine.assessed
        ]
