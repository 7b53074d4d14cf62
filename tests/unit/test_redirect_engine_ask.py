"""An engine in the same process is asked with what the INVITE shows, and with nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pyarrow as pa
import pytest
from sip_requests import request

from spit.config import Config, IdentityConfig
from spit.enforce.redirect.answer import Answer, AskError, UnreadableInviteError
from spit.enforce.redirect.engine_ask import EngineAsk
from spit.policy.answers import build_answer
from spit.records import EVENT_SCHEMA, Action, ActionKind, Mode

SIP = build_answer("603+", "https://example.net/blocked")


@dataclass(frozen=True)
class Decided:
    action: Action


@dataclass
class OneEngine:
    failure: Exception | None = None
    asked: list[tuple[pa.RecordBatch, bool]] = field(default_factory=list)

    def assess(self, attempt: pa.RecordBatch, *, observe: bool = False) -> Decided:
        self.asked.append((attempt, observe))
        if self.failure is not None:
            raise self.failure
        return Decided(Action(ActionKind.REJECT, ActionKind.REJECT, Mode.ENFORCE, SIP, 300))


def ask(engine: OneEngine, data: bytes, source_ip: str | None = None, *, observe: bool = False) -> Answer:
    identity = IdentityConfig(trusted_peers=("192.0.2.0/24",))
    asker = EngineAsk(
        engine, Config(identity=identity).core_settings(), time_source=lambda: 7_000_000, observe=observe
    )

    async def run() -> Answer:
        try:
            return await asker.ask(data, "192.0.2.9", source_ip)
        finally:
            await asker.close()

    return asyncio.run(run())


def test_the_answer_is_the_policys() -> None:
    engine = OneEngine()
    assert ask(engine, request(), observe=True) == Answer(ActionKind.REJECT, SIP)
    attempt, observe = engine.asked[0]
    assert observe
    assert attempt.schema.equals(EVENT_SCHEMA)
    row = attempt.to_pylist()[0]
    assert (row["caller"], row["callee"], row["time_us"]) == ("+12025550199", "+4930123456", 7_000_000)


def test_the_sbc_is_believed_about_the_caller_and_is_not_the_source_of_the_call() -> None:
    engine = OneEngine()
    data = request(headers=("P-Asserted-Identity: <sip:+12025550111@sbc.example.net>",))
    ask(engine, data)
    ask(engine, data, "198.51.100.7")
    rows = [attempt.to_pylist()[0] for attempt, _ in engine.asked]
    assert [row["caller"] for row in rows] == ["+12025550111"] * 2
    assert [row["source_ip"] for row in rows] == [None, "198.51.100.7"]


def test_an_invite_that_cannot_be_read_and_an_engine_that_fails() -> None:
    with pytest.raises(UnreadableInviteError):
        ask(OneEngine(), request("OPTIONS"))
    with pytest.raises(AskError, match="the engine failed: RuntimeError"):
        ask(OneEngine(RuntimeError("x")), request())
