"""An engine in the same process is asked with what the INVITE shows, and with nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import pyarrow as pa
import pytest
from sip_requests import request

from spit.cli.detector import build_engine
from spit.config import Config, IdentityConfig, PolicyConfig
from spit.enforce.redirect.answer import Answer, AskError, UnreadableInviteError
from spit.enforce.redirect.engine_ask import Engine, EngineAsk
from spit.policy.answers import build_answer
from spit.records import EVENT_SCHEMA, Action, ActionKind, Mode

SIP = build_answer("603+", "https://example.net/blocked")


@dataclass(frozen=True)
class Decided:
    action: Action


TAGS = {"X-Spam-Label": "suspect"}
Attempt: TypeAlias = pa.RecordBatch | Mapping[str, object]


@dataclass
class OneEngine:
    """``asked``: the attempt, and whether it was counted, asked about at once or waited for."""

    failure: Exception | None = None
    busy: bool = False
    action: ActionKind = ActionKind.REJECT
    asked: list[tuple[dict[str, object], str]] = field(default_factory=list)

    def assess(self, attempt: Attempt, *, observe: bool = False) -> Decided:
        if observe:
            assert isinstance(attempt, pa.RecordBatch)
            assert attempt.schema.equals(EVENT_SCHEMA)
        return self.decide(attempt, "counted" if observe else "waited")

    def assess_now(self, attempt: Mapping[str, object]) -> Decided | None:
        return None if self.busy else self.decide(attempt, "at once")

    def decide(self, attempt: Attempt, how: str) -> Decided:
        row = attempt.to_pylist()[0] if isinstance(attempt, pa.RecordBatch) else dict(attempt)
        assert set(row) == set(EVENT_SCHEMA.names)
        self.asked.append((row, how))
        if self.failure is not None:
            raise self.failure
        tags = TAGS if self.action is ActionKind.TAG else {}
        sip = SIP if self.action is ActionKind.REJECT else None
        return Decided(Action(self.action, self.action, Mode.ENFORCE, sip, 300, tags))


def ask(engine: Engine, data: bytes, source_ip: str | None = None, *, observe: bool = False) -> Answer:
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


@pytest.mark.parametrize(
    ("busy", "observe", "how"), [(False, False, "at once"), (True, False, "waited"), (False, True, "counted")]
)
def test_the_answer_is_the_policys(busy: bool, observe: bool, how: str) -> None:
    engine = OneEngine(busy=busy)
    assert ask(engine, request(), observe=observe) == Answer(ActionKind.REJECT, SIP)
    ((row, asked),) = engine.asked
    assert asked == how
    assert (row["caller"], row["callee"], row["time_us"]) == ("+12025550199", "+4930123456", 7_000_000)


def test_the_headers_of_a_tag_come_along() -> None:
    assert ask(OneEngine(action=ActionKind.TAG), request()) == Answer(ActionKind.TAG, add_headers=TAGS)


def test_the_real_engine_says_the_same_at_once_as_when_it_counts() -> None:
    policy = PolicyConfig(mode="enforce", redress="https://example.net/blocked", block=("+12025550199",))
    answers = [ask(build_engine(Config(policy=policy)), request(), observe=one) for one in (False, True)]
    assert answers[0] == answers[1] == Answer(ActionKind.REJECT, SIP)


def test_the_sbc_is_believed_about_the_caller_and_is_not_the_source_of_the_call() -> None:
    engine = OneEngine()
    data = request(headers=("P-Asserted-Identity: <sip:+12025550111@sbc.example.net>",))
    ask(engine, data)
    ask(engine, data, "198.51.100.7")
    ask(engine, data, "198.51.100.7", observe=True)
    rows = [row for row, _ in engine.asked]
    assert [row["caller"] for row in rows] == ["+12025550111"] * 3
    assert [row["source_ip"] for row in rows] == [None, "198.51.100.7", "198.51.100.7"]


def test_an_invite_that_cannot_be_read_and_an_engine_that_fails() -> None:
    with pytest.raises(UnreadableInviteError):
        ask(OneEngine(), request("OPTIONS"))
    with pytest.raises(AskError, match="the engine failed: RuntimeError"):
        ask(OneEngine(RuntimeError("x")), request())
