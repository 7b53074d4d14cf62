"""The machine's clock jumps: every question gets an answer, and what is accepted is counted."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator

import httpx
import pytest
from service_client import with_service

from spit.cli.detector import build_engine
from spit.config import Config
from spit.service.app import create_app

NOW_US = 1_700_000_000_000_000
YEAR_US = 365 * 86_400 * 1_000_000
JUMPS_US = (0, 10 * YEAR_US, -10 * YEAR_US, 1, -NOW_US, 60 * YEAR_US, 0)


@pytest.fixture
def times() -> Iterator[int]:
    return itertools.cycle(NOW_US + jump for jump in JUMPS_US)


def test_scores_are_answered_and_events_counted_whatever_the_clock_says(times: Iterator[int]) -> None:
    engine = build_engine(Config())
    # A busy machine must not turn verdicts into degraded answers.
    config = with_service(Config(), score_budget_ms=60_000)
    app = create_app(engine, config, time_source=lambda: next(times))

    async def ask() -> None:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://spit.test") as client:
            for number in range(3 * len(JUMPS_US)):
                fields = {"caller": "+12025550199", "callee": "+4930123456", "observe": number % 2 == 1}
                answer = await client.post("/v1/score", json=fields)
                assert answer.status_code == 200
                assert answer.json()["degraded"] is False
                # Events of agents whose clocks jump, too.
                event = {"event": "attempt", "time_us": next(times), "call_id": f"c{number}", "caller": "+1"}
                numbering = {"X-Spit-Agent": "edge", "X-Spit-Batch": str(number)}
                sent = await client.post("/v1/events", json=event, headers=numbering)
                assert sent.json() == {"accepted": 1}
                again = await client.post("/v1/events", json=event, headers=numbering)
                assert again.json() == {"accepted": 0, "duplicate": True}
            assert (await client.get("/v1/callers/+12025550199")).status_code == 200

    asyncio.run(ask())
    # A third of all times is asked with observe; which ones does not matter for how many.
    assert engine.counters()["attempts"] == 3 * len(JUMPS_US) + 3 * len(JUMPS_US) // 2
