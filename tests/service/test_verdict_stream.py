"""GET /v1/verdicts/stream over real sockets: events, resuming, gaps, slow clients, the end."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from service_client import NOW_US, TableEngine, problem, with_service
from verdict_samples import ALICE, BOB, REJECTED, TAGGED, verdict

from spit.config import Config, VerdictsConfig
from spit.enforce.feed import VerdictFeed
from spit.enforce.verdicts import CLEAR
from spit.engine.observers import Observers
from spit.engine.verdict_changes import VerdictChanges
from spit.service.server import HttpService, listen

STREAM = "/v1/verdicts/stream"


class Served:
    """A service on a real socket, and the feed behind it."""

    def __init__(self, feed: VerdictFeed, *, max_streams: int = 3, heartbeat_s: float = 3_600.0) -> None:
        settings = VerdictsConfig(max_streams=max_streams, heartbeat_s=heartbeat_s)
        config = replace(with_service(Config(), port=0), verdicts=settings)
        listener = listen(config.service)
        self.feed = feed
        self.port: int = listener.getsockname()[1]
        self.service = HttpService(
            TableEngine(config),
            config,
            listener,
            time_source=lambda: NOW_US,
            observers=Observers(verdicts=VerdictChanges(feed, clock=lambda: 0.0)),
        )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30)

    def metric(self, name: str) -> float:
        found = re.search(rf"^{name} (\S+)$", self.client.get("/metrics").text, re.MULTILINE)
        assert found is not None
        return float(found[1])

    @contextmanager
    def stream(self, query: str = "", **headers: str) -> Iterator[Events]:
        with self.client.stream("GET", f"{STREAM}{query}", headers=headers) as response:
            assert response.status_code == 200
            assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert response.headers["cache-control"] == "no-store"
            events = Events(response.iter_lines())
            assert events.next() == {"retry": "3000"}  # from here on nothing is missed
            yield events


class Events:
    """The events of a stream."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines

    def next(self) -> dict[str, str]:
        event: dict[str, str] = {}
        for line in self._lines:
            if not line:
                return event
            name, _, value = line.partition(":")
            event[name] = value.removeprefix(" ")
        raise EOFError

    def sequences(self, count: int) -> list[int]:
        found = [self.next() for _ in range(count)]
        assert {one["event"] for one in found} == {"verdict"}
        assert [one["id"] for one in found] == [str(json.loads(one["data"])["sequence"]) for one in found]
        return [int(one["id"]) for one in found]


@contextmanager
def served(feed: VerdictFeed, **settings: float) -> Iterator[Served]:
    one = Served(feed, **settings)  # type: ignore[arg-type]
    one.service.start()
    try:
        yield one
    finally:
        one.client.close()
        assert one.service.stop(30)


def tell(feed: VerdictFeed, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        assert feed.tell(verdict(f"+1202{number:07}", TAGGED, at_s=number))


def test_changes_come_as_events_from_now_on() -> None:
    feed = VerdictFeed(first_sequence=5)
    tell(feed, 2)
    with served(feed) as service, service.stream() as events:
        feed.tell(verdict(ALICE, REJECTED, at_s=9))
        event = events.next()
        assert (event["id"], event["event"]) == ("7", "verdict")
        assert json.loads(event["data"]) == feed.latest(1)[0].document()
        tell(feed, 250, start=100)
        assert events.sequences(250) == list(range(8, 258))
        assert service.metric("spit_verdict_streams") == 1


def test_only_what_the_query_picks() -> None:
    feed = VerdictFeed()
    with served(feed) as service, service.stream("?label=spam&action=reject") as events:
        feed.tell(verdict(BOB, TAGGED, at_s=1))
        feed.tell(verdict(ALICE, REJECTED, at_s=2))
        feed.tell(verdict(BOB, CLEAR, at_s=3))
        feed.tell(verdict(ALICE, CLEAR, at_s=4))
        assert events.sequences(2) == [2, 4]  # also the one by which it goes


def test_a_client_that_comes_back_gets_what_it_missed() -> None:
    feed = VerdictFeed(first_sequence=1_000)
    tell(feed, 300)
    with served(feed) as service:
        with service.stream(**{"Last-Event-ID": "1049"}) as events:
            assert events.sequences(250) == list(range(1_050, 1_300))
        with service.stream(**{"Last-Event-ID": "1299"}) as events:
            tell(feed, 1, start=900)
            assert events.sequences(1) == [1_300]
        with service.stream(**{"Last-Event-ID": "999"}) as events:
            assert events.sequences(1) == [1_000]
        assert service.metric("spit_verdict_streams_gaps_total") == 0


@pytest.mark.parametrize(
    ("after", "lost"),
    [("1020", 29), ("999", 50), ("998", None), ("3", None), ("1100", None)],
    ids=["left", "all that left", "earlier run", "much earlier", "never given"],
)
def test_what_is_lost_is_told(after: str, lost: int | None) -> None:
    feed = VerdictFeed(history=50, first_sequence=1_000)
    tell(feed, 100)
    with served(feed) as service:
        with service.stream(**{"Last-Event-ID": after}) as events:
            event = events.next()
            assert event["event"] == "gap"
            assert "id" not in event
            assert json.loads(event["data"]) == {"after": int(after), "next": 1_050, "lost": lost}
            assert events.sequences(50) == list(range(1_050, 1_100))
        assert service.metric("spit_verdict_streams_gaps_total") == 1


@pytest.mark.parametrize("after", ["x", "-1", "1.0", "9" * 17, "9007199254740992", "٣"])
def test_what_is_no_sequence_number_is_refused(after: str) -> None:
    with served(VerdictFeed()) as service:
        response = service.client.get(STREAM, headers={b"Last-Event-ID": after.encode()})
        assert "last-event-id" in problem(response, 422)["detail"]


def test_a_comment_comes_when_nothing_else_does() -> None:
    feed = VerdictFeed()
    with served(feed, heartbeat_s=0.1) as service, service.stream() as events:
        assert events.next() == {"": ""}
        assert events.next() == {"": ""}
        tell(feed, 1)
        while (event := events.next()) == {"": ""}:
            pass
        assert event["id"] == "1"


def test_more_clients_than_allowed_are_refused_until_one_goes() -> None:
    with served(VerdictFeed(), max_streams=1, heartbeat_s=0.1) as service:
        with service.stream():
            response = service.client.get(STREAM)
            assert problem(response, 429)["detail"].startswith("expected at most 1 clients")
        while service.metric("spit_verdict_streams"):
            pass
        with service.stream():
            assert service.metric("spit_verdict_streams") == 1
        assert service.metric("spit_verdict_streams_refused_total") == 1


def test_a_client_that_does_not_read_is_cut_off_and_counted() -> None:
    feed = VerdictFeed(history=100)
    with served(feed) as service:
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            slow.connect(("127.0.0.1", service.port))
            slow.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            slow.recv(10)
            number = 0
            while not service.metric("spit_verdict_streams_dropped_total"):
                tell(feed, 90, start=number)  # never a ring full at once: who reads keeps up
                number += 90
            with service.stream() as events:
                tell(feed, 90, start=number)
                assert len(events.sequences(90)) == 90
            slow.settimeout(30)
            while slow.recv(65_536):  # what was on its way, then the end
                pass
        assert service.metric("spit_verdict_streams_dropped_total") == 1


def test_the_end_of_the_service_ends_the_streams() -> None:
    feed = VerdictFeed()
    ended = threading.Event()
    with served(feed) as service, service.stream() as events:
        tell(feed, 1)
        assert events.sequences(1) == [1]

        def stop() -> None:
            assert service.service.stop(30)
            ended.set()

        stopping = threading.Thread(target=stop)
        stopping.start()
        with pytest.raises(EOFError):
            events.next()
        stopping.join(30)
        assert ended.is_set()
    tell(feed, 1, start=50)  # nobody listens on a loop that has ended
