"""The budget of time: slow, stuck and overloaded scoring is answered by allow, and nothing piles up."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

import pyarrow as pa
import pytest
from prometheus_client.parser import text_string_to_metric_families
from service_client import ENFORCE, FRIEND, SPAMMER, Service, TableAssessment, with_service

from spit.service.overload import ScoreGate, ShedError

QUERY = {"caller": SPAMMER, "callee": FRIEND}
#: Longer than any test: what is waited for comes or the test fails.
PATIENCE_S = 60.0


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Stuck:
    """Work that takes until it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.let_go = threading.Event()
        self.done = threading.Semaphore(0)
        self.runs = 0

    def __call__(self) -> str:
        self.runs += 1
        self.begun.release()
        assert self.let_go.wait(PATIENCE_S)
        self.done.release()
        return "scored"


def shed_counts(service: Service) -> dict[str, float]:
    families = text_string_to_metric_families(service.get("/metrics").text)
    return {
        sample.labels["reason"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "spit_score_shed_total"
    }


def test_an_answer_that_is_late_is_allow_and_the_late_verdict_reaches_nobody() -> None:
    service = Service(with_service(ENFORCE, score_budget_ms=1))
    stuck, assess = Stuck(), service.engine.assess

    def slow(attempt: pa.RecordBatch, *, observe: bool = False, tenant: str = "") -> TableAssessment:
        stuck()
        return assess(attempt, observe=observe, tenant=tenant)

    service.engine.busy = True  # what cannot be had at once goes to a thread
    service.engine.assess = slow  # type: ignore[method-assign]
    answer = service.get("/v1/score", params=QUERY)
    assert answer.status_code == 200
    assert {**answer.json(), "degraded": True, "action": "allow", "ttl_s": 0} == answer.json()
    assert answer.headers["x-spam-action"] == "allow"
    stuck.let_go.set()
    assert stuck.done.acquire(timeout=PATIENCE_S)
    assert shed_counts(service) == {"late": 1, "overload": 0, "rate": 0}
    text = service.get("/metrics").text
    assert "spit_degraded_total 1.0" in text
    assert "spit_verdicts_total{" not in text


def test_work_that_waits_too_long_never_begins() -> None:
    async def scenario() -> None:
        gate = ScoreGate(threads=1, budget_s=0.001, clock=Clock())
        stuck, waiting = Stuck(), Stuck()
        first, second = (asyncio.ensure_future(gate.run(work)) for work in (stuck, waiting))
        for late in (first, second):
            with pytest.raises(ShedError, match="late"):
                await late
        stuck.let_go.set()
        waiting.let_go.set()
        assert await asyncio.to_thread(stuck.done.acquire, timeout=PATIENCE_S)
        roomy = Stuck()
        roomy.let_go.set()
        # The one thread takes jobs in order: when this one has run, the dropped one was passed over.
        await once(gate, roomy)
        assert (stuck.runs, waiting.runs, roomy.runs) == (1, 0, 1)

    asyncio.run(scenario())


async def once(gate: ScoreGate, work: Stuck) -> None:
    """Run ``work`` however often it is late."""
    while True:
        try:
            await gate.run(work)
        except ShedError:
            if work.runs:
                return
            continue
        return


def test_while_all_threads_are_stuck_attempts_are_shed_at_once_and_nothing_piles_up() -> None:
    async def scenario() -> None:
        clock = Clock()
        reasons: list[str] = []
        gate = ScoreGate(threads=2, budget_s=PATIENCE_S, clock=clock)
        gate.on_shed = reasons.append
        stuck = Stuck()
        running = [asyncio.ensure_future(gate.run(stuck)) for _ in range(2)]
        for _ in running:
            assert await asyncio.to_thread(stuck.begun.acquire, timeout=PATIENCE_S)
        assert gate.expected_wait_s() < 0.01  # they have only begun
        clock.now_s += PATIENCE_S
        assert gate.expected_wait_s() > PATIENCE_S
        for _ in range(100):
            with pytest.raises(ShedError, match="overload"):
                await gate.run(stuck)
        assert stuck.runs == 2
        assert reasons == ["overload"] * 100
        stuck.let_go.set()
        assert list(await asyncio.gather(*running)) == ["scored", "scored"]
        assert gate.expected_wait_s() == 0.0
        assert await gate.run(stuck) == "scored"

    asyncio.run(scenario())


def test_the_wait_grows_with_the_queue_and_with_what_work_takes() -> None:
    async def scenario() -> None:
        clock = Clock()
        gate = ScoreGate(threads=1, budget_s=1.0, clock=clock)

        def takes_half_a_second() -> None:
            clock.now_s += 0.5

        for _ in range(100):
            await gate.run(takes_half_a_second)
            clock.now_s += 2.0  # the event loop's delay of half a second is long past
        stuck = Stuck()
        first = asyncio.ensure_future(gate.run(stuck))
        assert await asyncio.to_thread(stuck.begun.acquire, timeout=PATIENCE_S)
        assert gate.expected_wait_s() == pytest.approx(0.5, rel=0.05)
        second = asyncio.ensure_future(gate.run(stuck))
        await asyncio.sleep(0)
        assert gate.expected_wait_s() == pytest.approx(1.0, rel=0.05)
        third = asyncio.ensure_future(gate.run(stuck))
        await asyncio.sleep(0)
        with pytest.raises(ShedError, match="overload"):
            await gate.run(stuck)
        stuck.let_go.set()
        assert list(await asyncio.gather(first, second, third)) == ["scored"] * 3

    asyncio.run(scenario())


def test_an_event_loop_that_comes_round_too_slowly_sheds_until_it_does_not() -> None:
    async def scenario() -> None:
        clock = Clock()
        gate = ScoreGate(threads=1, budget_s=0.05, clock=clock)

        def work() -> str:
            return "scored"

        async def ask() -> str:
            try:
                return await gate.run(work)
            except ShedError as error:
                return error.reason

        first = asyncio.ensure_future(ask())
        await asyncio.sleep(0)  # it has asked the loop to come round
        clock.now_s += 0.2  # everything else that is ready takes so long
        assert await first == "scored"
        assert await ask() == "overload"
        await asyncio.sleep(0)
        assert await ask() == "scored"  # measured again, and the loop was quick

    asyncio.run(scenario())


def test_work_on_the_loop_itself_is_shed_by_the_loops_delay_alone() -> None:
    async def scenario() -> None:
        clock = Clock()
        gate = ScoreGate(threads=1, budget_s=0.05, clock=clock)
        gate.check_loop()
        clock.now_s += 0.2
        await asyncio.sleep(0)
        with pytest.raises(ShedError, match="overload"):
            gate.check_loop()
        await asyncio.sleep(0)
        gate.check_loop()

    asyncio.run(scenario())


def test_a_slow_moment_of_the_loop_says_nothing_a_second_later() -> None:
    async def scenario() -> None:
        clock = Clock()
        gate = ScoreGate(threads=1, budget_s=0.05, clock=clock)
        first = asyncio.ensure_future(gate.run(lambda: "scored"))
        await asyncio.sleep(0)
        clock.now_s += 0.2
        await first
        clock.now_s += 1.0
        assert await gate.run(lambda: "scored") == "scored"

    asyncio.run(scenario())


def test_what_work_raises_reaches_who_asked() -> None:
    def fail() -> None:
        raise KeyError("gone")

    async def scenario(gate: ScoreGate) -> None:
        with pytest.raises(KeyError, match="gone"):
            await gate.run(fail)

    gate = ScoreGate(threads=1, budget_s=PATIENCE_S, clock=Clock())
    asyncio.run(scenario(gate))
    asyncio.run(scenario(gate))  # another event loop


def test_shedding_is_said_once_when_it_begins_and_once_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    gate = ScoreGate(threads=1, budget_s=PATIENCE_S, clock=clock)

    def ask() -> None:
        asyncio.run(gate.run(lambda: "scored"))

    said: Callable[[], list[str]] = lambda: [record.getMessage() for record in caplog.records]  # noqa: E731
    with caplog.at_level(logging.INFO, "spit.service"):
        ask()
        assert said() == []
        for _ in range(50):
            gate.shed("rate")
            clock.now_s += 0.1
            ask()
        assert len(said()) == 1
        assert "allowed without a verdict from now on: a client asks more often" in said()[0]
        clock.now_s += 5.0
        ask()
        ask()
    assert said()[1:] == ["all attempts get a verdict again; 50 were allowed without one within 5 s"]


def test_who_asks_too_often_is_allowed_and_never_refused() -> None:
    service = Service(with_service(ENFORCE, score_rate=2, request_rate=1))
    answers = [service.get("/v1/score", params=QUERY) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 6
    assert [answer.json()["degraded"] for answer in answers] == [False] * 4 + [True] * 2
    other = [service.get("/v1/model") for _ in range(3)]
    assert [answer.status_code for answer in other] == [200, 200, 429]
    assert other[2].headers["retry-after"] == "1"
    assert service.get("/healthz").status_code == 200


def test_a_bad_request_is_a_bad_request_whether_or_not_there_is_time() -> None:
    service = Service(with_service(ENFORCE, score_rate=1))
    statuses = [service.get("/v1/score", params={"caller": SPAMMER}).status_code for _ in range(4)]
    assert statuses == [422] * 4


def test_a_quick_loop_is_not_measured_for_every_attempt() -> None:
    async def scenario() -> None:
        clock = Clock()
        gate = ScoreGate(threads=1, budget_s=0.05, clock=clock)
        gate.check_loop()
        await asyncio.sleep(0)  # it came round at once
        clock.now_s += 0.004
        gate.check_loop()
        clock.now_s += 0.2  # nobody looks at how long that took
        await asyncio.sleep(0)
        gate.check_loop()
        clock.now_s += 0.2  # but now somebody does
        await asyncio.sleep(0)
        with pytest.raises(ShedError, match="overload"):
            gate.check_loop()

    asyncio.run(scenario())
