"""A webhook delivers every change signed, in order and at least once, and waits for nobody else."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from post_server import PostServer, post_server
from verdict_samples import ALICE, BOB, REJECTED, TAGGED, verdict

from spit.enforce.backoff import Backoff
from spit.enforce.feed import VerdictFeed
from spit.enforce.webhook import BATCH, MAX_ANSWERED_TRIES, Webhook

SECRET = b"0123456789abcdef"
PAGE = Path(__file__).parents[2] / "docs" / "push.md"
OK: tuple[int, bytes, dict[str, str]] = (200, b"", {})


class NoPause(Backoff):
    """Counts the pauses that it does not make."""

    def __init__(self) -> None:
        super().__init__()
        self.failed = threading.Semaphore(0)

    def next_s(self) -> float:
        self.failed.release()
        super().next_s()
        return 0.001


@contextmanager
def hooked(server: PostServer, feed: VerdictFeed, **options: Any) -> Iterator[Webhook]:
    webhook = Webhook(server.url, SECRET, **{"timeout_s": 30, "backoff": NoPause(), **options})
    feed.listen(webhook)
    webhook.start()
    try:
        yield webhook
    finally:
        webhook.finish(30)
        assert webhook.join(30)


def answers(*statuses: int) -> Callable[[bytes], tuple[int, bytes, dict[str, str]]]:
    """These in turn, then 200."""
    left = list(statuses)
    return lambda _: (left.pop(0), b"", {}) if left else OK


def sequences(server: PostServer) -> list[list[int]]:
    return [[one["sequence"] for one in json.loads(body)["verdicts"]] for _, _, body in server.requests]


def tell(feed: VerdictFeed, count: int) -> None:
    """That many changes of two callers."""
    for at_s in range(count):
        standing = REJECTED if at_s // 2 % 2 else TAGGED
        assert feed.tell(verdict(BOB if at_s % 2 else ALICE, standing, at_s=at_s))


def test_what_the_documentation_says_verifies_what_is_sent() -> None:
    example = re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example is not None
    documented: dict[str, Any] = {}
    exec(example[1], documented)  # noqa: S102  our own page
    feed = VerdictFeed()
    with post_server(answers()) as server, hooked(server, feed):
        feed.tell(verdict(ALICE, REJECTED, at_s=1))
        server.wait_for(1)
    _, headers, body = server.requests[0]
    is_genuine = documented["is_genuine"]
    assert is_genuine(SECRET, headers, body)
    assert not is_genuine(b"another secret..", headers, body)
    assert not is_genuine(SECRET, headers, body + b" ")
    older = str(int(headers["X-Spit-Timestamp"]) - 10)
    assert not is_genuine(SECRET, {**headers, "X-Spit-Timestamp": older}, body)
    assert not is_genuine(SECRET, headers, body, max_age_s=-1)
    assert headers["Content-Type"] == "application/json"
    document = json.loads(body)
    assert document["delivery"] == headers["X-Spit-Delivery"] == "1-1"
    assert document["verdicts"] == [feed.latest(1)[0].document()]


def test_changes_arrive_in_order_and_what_comes_meanwhile_goes_together() -> None:
    feed, asked, may_answer = VerdictFeed(), threading.Event(), threading.Event()

    def answer(_: bytes) -> tuple[int, bytes, dict[str, str]]:
        asked.set()
        assert may_answer.wait(30)
        return OK

    with post_server(answer) as server, hooked(server, feed):
        tell(feed, 1)
        assert asked.wait(30)
        for number in range(BATCH + 5):
            feed.tell(verdict(f"+1202555{number:04}", REJECTED, at_s=1))
        may_answer.set()
        server.wait_for(3)
    got = sequences(server)
    assert list(chain(*got)) == list(range(1, BATCH + 7))
    assert max(map(len, got)) == BATCH
    assert server.connections == 1


@pytest.mark.parametrize("status", [500, 503, 429, 404])
def test_it_is_sent_again_with_its_id_and_body_until_it_is_taken(status: int) -> None:
    feed = VerdictFeed()
    times = iter([1000.0, 2000.0, 3000.0])
    with (
        post_server(answers(status, status)) as server,
        hooked(server, feed, wall_time_s=lambda: next(times)) as webhook,
    ):
        tell(feed, 1)
        server.wait_for(3)
    (_, first, body), (_, second, again), (_, third, last) = server.requests
    assert body == again == last
    assert first["X-Spit-Delivery"] == second["X-Spit-Delivery"] == third["X-Spit-Delivery"]
    assert (first["X-Spit-Timestamp"], second["X-Spit-Timestamp"]) == ("1000", "2000")
    assert first["X-Spit-Signature"] != second["X-Spit-Signature"]
    assert webhook.counters()["failures"] == 2
    assert webhook.counters()["deliveries"] == webhook.counters()["changes"] == 1


@pytest.mark.parametrize("status", [301, 302, 400, 410, 422])
def test_a_refusal_for_good_and_a_redirect_do_not_hold_up_the_next(status: int) -> None:
    feed = VerdictFeed()
    with post_server(answers()) as elsewhere:
        left = [(status, b"", {"Location": elsewhere.url})]
        with (
            post_server(lambda _: left.pop() if left else OK) as server,
            hooked(server, feed) as webhook,
        ):
            tell(feed, 1)
            server.wait_for(1)
            feed.tell(verdict(ALICE, REJECTED, at_s=9))
            server.wait_for(2)
        assert elsewhere.requests == []
    assert sequences(server) == [[1], [2]]
    assert webhook.counters()["changes_rejected"] == 1


def test_who_always_fails_at_one_delivery_gets_the_next() -> None:
    feed = VerdictFeed()
    with (
        post_server(answers(*[500] * MAX_ANSWERED_TRIES)) as server,
        hooked(server, feed) as webhook,
    ):
        tell(feed, 1)
        server.wait_for(MAX_ANSWERED_TRIES)
        feed.tell(verdict(ALICE, REJECTED, at_s=9))
        server.wait_for(MAX_ANSWERED_TRIES + 1)
    assert webhook.counters()["changes_given_up"] == 1
    assert sequences(server)[-1] == [2]


def test_while_nobody_is_there_the_newest_wait_and_the_oldest_go(caplog: pytest.LogCaptureFixture) -> None:
    feed = VerdictFeed()
    with post_server(answers()) as server:
        port = int(server.url.rpartition(":")[2].strip("/"))
    pauses = NoPause()
    with hooked(server, feed, max_queue=3, backoff=pauses) as webhook:
        tell(feed, 1)
        assert pauses.failed.acquire(timeout=30)  # nobody answers the first
        for at_s in range(5):
            feed.tell(verdict(f"c{at_s}", REJECTED, at_s=at_s))
        assert webhook.counters()["queue_dropped"] == 2
        assert webhook.levels() == {"waiting": 4, "up": 0}
        with post_server(answers(), port=port) as again:
            again.wait_for(2)
    assert sequences(again) == [[1], [4, 5, 6]]
    messages = [record.message for record in caplog.records]
    assert messages == [
        f"{server.url} does not take verdicts: Connection refused",
        f"{server.url} takes verdicts again",
    ]


def test_an_end_posts_what_waits_and_does_not_wait_for_who_is_away() -> None:
    feed = VerdictFeed()
    with post_server(answers()) as server, hooked(server, feed):
        tell(feed, 4)
    assert list(chain(*sequences(server))) == [1, 2, 3, 4]
    pauses = NoPause()
    away = Webhook(server.url, SECRET, backoff=pauses)  # it is closed now
    away.start()
    away.changed(verdict(ALICE, REJECTED, at_s=1))
    assert pauses.failed.acquire(timeout=30)
    away.finish(30)
    assert away.join(30)
