"""Bounds the work and the waiting of /v1/score: a call never waits longer than its budget.

Scoring runs in a few threads. An attempt that would wait longer than the budget is not taken at all; one that
was taken and is late is answered without a verdict, and its work is dropped unless it has begun. So nothing
piles up, however slow the engine is.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Generic, Literal, TypeVar

T = TypeVar("T")
#: ``overload``: it would have waited too long; ``late``: it took too long; ``rate``: asked too often.
ShedReason = Literal["overload", "late", "rate"]
SHED_REASONS: tuple[ShedReason, ...] = ("overload", "late", "rate")

#: Weight of the latest duration in the mean of durations.
_WEIGHT = 0.05
_FIRST_MEAN_S = 0.001
#: A reading of the event loop's delay says nothing about a second later.
_DELAY_HOLDS_S = 1.0
#: A loop that came round within this, this long ago at most, is not measured again: that takes time too.
_QUICK_S = 0.005
#: So long nothing must have been shed for shedding to have ended.
_CALM_S = 5.0

_log = logging.getLogger("spit.service")


class ShedError(Exception):
    """No verdict: the call is to be allowed."""

    def __init__(self, reason: ShedReason) -> None:
        super().__init__(reason)
        self.reason = reason


class _Job(Generic[T]):
    def __init__(
        self,
        work: Callable[[], T],
        loop: asyncio.AbstractEventLoop,
        answer: asyncio.Future[T],
        context: Context,
    ) -> None:
        self.work, self.loop, self.answer, self.context = work, loop, answer, context
        self.has_begun = self.is_dropped = False


class ScoreGate:
    """Runs work for an event loop in ``threads`` threads, each answer within ``budget_s`` or ShedError.

    ``clock``: seconds, monotonic. ``on_shed`` is told of each ShedError; it may be set.
    """

    def __init__(
        self,
        *,
        threads: int,
        budget_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._threads = threads
        self._budget_s = budget_s
        self._clock = clock
        self.on_shed: Callable[[ShedReason], None] = lambda _reason: None
        self._jobs: queue.SimpleQueue[_Job[object]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._started_s: dict[int, float] = {}  # of jobs that run, by id
        self._mean_s = _FIRST_MEAN_S
        self._probing: asyncio.AbstractEventLoop | None = None
        self._delay_s, self._delay_at_s = 0.0, float("-inf")
        self._is_shedding, self._last_shed_s, self._first_shed_s, self._shed = False, 0.0, 0.0, 0
        self._has_threads = False

    @property
    def budget_s(self) -> float:
        """Seconds that an answer may take."""
        return self._budget_s

    def expected_wait_s(self) -> float:
        """How long a job that is put in now would wait for a thread.

        While every thread is busy, at least as long as the latest job has been running: a job of which
        nothing is known but that it runs will run as long again.
        """
        now_s = self._clock()
        with self._lock:
            ahead = self._waiting + len(self._started_s) - self._threads + 1
            if ahead <= 0:
                return 0.0
            is_full = len(self._started_s) == self._threads
            latest_s = max(self._started_s.values()) if is_full else now_s
            return max(now_s - latest_s, 0.0) + ahead * self._mean_s / self._threads

    def check_loop(self) -> None:
        """For work that needs no thread. Raises ShedError while the event loop comes round too slowly."""
        if not self.loop_is_in_time():
            raise self.shed("overload")

    def loop_is_in_time(self) -> bool:
        """As ``check_loop``, and sheds nothing."""
        self._probe(asyncio.get_running_loop())
        if self._loop_delay_s() > self._budget_s:
            return False
        if self._is_shedding:
            self._end_shedding()
        return True

    async def run(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, from a thread. Raises ShedError when there is no time for it."""
        loop = asyncio.get_running_loop()
        self._probe(loop)
        if max(self.expected_wait_s(), self._loop_delay_s()) > self._budget_s:
            raise self.shed("overload")
        answer: asyncio.Future[T] = loop.create_future()
        job = _Job(work, loop, answer, copy_context())
        with self._lock:
            self._waiting += 1
        if not self._has_threads:
            self._start_threads()
        self._jobs.put(job)  # type: ignore[arg-type]  # the queue holds jobs of every type
        timer = loop.call_later(self._budget_s, _expire, answer)
        try:
            result = await answer
        except ShedError:
            self._drop(job)
            raise self.shed("late") from None
        except asyncio.CancelledError:
            self._drop(job)
            raise
        finally:
            timer.cancel()
        if self._is_shedding:
            self._end_shedding()
        return result

    def shed(self, reason: ShedReason) -> ShedError:
        """Count an attempt that gets no verdict; to be raised."""
        self._last_shed_s = self._clock()
        if not self._is_shedding:
            self._is_shedding, self._first_shed_s, self._shed = True, self._last_shed_s, 0
            _log.warning(
                "attempts are allowed without a verdict from now on: %s",
                {
                    "overload": f"they would wait longer than {self._budget_s * 1e3:.0f} ms",
                    "late": f"scoring takes longer than {self._budget_s * 1e3:.0f} ms",
                    "rate": "a client asks more often than service.score_rate",
                }[reason],
            )
        self._shed += 1
        self.on_shed(reason)
        return ShedError(reason)

    def _end_shedding(self) -> None:
        if self._clock() - self._last_shed_s >= _CALM_S:
            self._is_shedding = False
            _log.warning(
                "all attempts get a verdict again; %d were allowed without one within %.0f s",
                self._shed, self._last_shed_s - self._first_shed_s,
            )  # fmt: skip

    def _probe(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure how long the event loop takes to come round: requests wait there too, unseen by a queue."""
        asked_s = self._clock()
        is_known = self._delay_s < _QUICK_S and 0.0 <= asked_s - self._delay_at_s < _QUICK_S
        if is_known or self._probing is loop:
            return
        self._probing = loop

        def come_round() -> None:
            self._probing = None
            self._delay_at_s = self._clock()
            self._delay_s = self._delay_at_s - asked_s

        loop.call_soon(come_round)

    def _loop_delay_s(self) -> float:
        return self._delay_s if self._clock() - self._delay_at_s < _DELAY_HOLDS_S else 0.0

    def _drop(self, job: _Job[T]) -> None:
        with self._lock:
            if not job.has_begun:
                job.is_dropped = True
                self._waiting -= 1

    def _start_threads(self) -> None:
        self._has_threads = True
        for number in range(self._threads):
            # Daemons: an engine that hangs must not keep the process from ending.
            threading.Thread(target=self._serve, name=f"score-{number}", daemon=True).start()

    def _serve(self) -> None:
        while True:
            job = self._jobs.get()
            with self._lock:
                if job.is_dropped:
                    continue
                job.has_begun = True
                self._waiting -= 1
                started_s = self._started_s[id(job)] = self._clock()
            result: object = None
            failure: BaseException | None = None
            try:
                result = job.context.run(job.work)
            except BaseException as error:  # noqa: BLE001  whoever awaits it gets it
                failure = error
            with self._lock:
                del self._started_s[id(job)]
                # One stall must not make the mean of minutes to come.
                took_s = min(max(self._clock() - started_s, 0.0), 2.0 * self._budget_s)
                self._mean_s += _WEIGHT * (took_s - self._mean_s)
            try:
                job.loop.call_soon_threadsafe(_deliver, job.answer, result, failure)
            except RuntimeError:  # the loop has been closed: nobody waits
                continue


def _expire(answer: asyncio.Future[T]) -> None:
    if not answer.done():
        answer.set_exception(ShedError("late"))


def _deliver(answer: asyncio.Future[object], result: object, failure: BaseException | None) -> None:
    if answer.done():
        return
    if failure is None:
        answer.set_result(result)
    else:
        answer.set_exception(failure)
