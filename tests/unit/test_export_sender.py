"""Batches reach scorers over a real socket, at least once and in order, whatever the scorers do."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pyarrow as pa
import pytest
from fake_live_reader import events
from scorer_server import ScorerServer, answer_garbage, hang_up, scorer_server

from spit.export.connection import ScorerConnection, ScorerError
from spit.export.encode import CONTENT_TYPE, encode_events
from spit.export.sender import RETRIED_4XX, Sender
from spit.export.spool import Spool


class Clock:
    """Seconds that pass only when somebody pauses."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.pauses: list[float] = []
        self.stop_after = 10**9

    def read(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> bool:
        if seconds > 0:
            self.pauses.append(seconds)
            self.now_s += seconds
        return len(self.pauses) >= self.stop_after


@pytest.fixture
def scorer() -> Iterator[ScorerServer]:
    with scorer_server() as server:
        yield server


@pytest.fixture
def other() -> Iterator[ScorerServer]:
    with scorer_server() as server:
        yield server


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    one = Spool(tmp_path / "spool", max_bytes=2**20, first_number=1)
    yield one
    one.close()


def fill(spool: Spool, *call_ids: str) -> None:
    for call_id in call_ids:
        spool.put(encode_events(events(call_id)), 1)


def sender(spool: Spool, *urls: str, clock: Clock | None = None, token: str = "") -> Sender:
    clock = clock or Clock()
    return Sender(
        spool, urls, agent_id="edge-1", token=token, clock=clock.read, pause=clock.pause, jitter=lambda: 1.0
    )


def free_url() -> str:
    """Where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


def test_a_batch_says_who_sends_it_which_it_is_and_the_token(spool: Spool, scorer: ScorerServer) -> None:
    fill(spool, "a")
    one = sender(spool, scorer.url, token="s3cret")  # noqa: S106
    assert one.deliver_next(0) is True
    one.close()
    ((_, headers, body),) = scorer.requests
    assert headers["Content-Type"] == CONTENT_TYPE
    assert (headers["X-Spit-Agent"], headers["X-Spit-Batch"]) == ("edge-1", "1")
    assert headers["Authorization"] == "Bearer s3cret"
    assert pa.ipc.open_stream(body).read_all().to_batches()[0].equals(events("a"))
    assert len(spool) == 0
    assert one.deliver_next(0) is None


def test_batches_go_in_order_over_one_connection(spool: Spool, scorer: ScorerServer) -> None:
    fill(spool, *"abcde")
    one = sender(spool, scorer.url)
    while one.deliver_next(0):
        pass
    one.close()
    assert scorer.call_ids() == list("abcde")
    assert scorer.batch_numbers() == [1, 2, 3, 4, 5]
    assert scorer.connections == 1
    assert one.counters()["events_sent"] == 5


@pytest.mark.parametrize("answer", [500, 503, 302, 429, 408, 401, hang_up, answer_garbage])
def test_what_may_pass_keeps_the_batch_and_it_is_sent_again(
    spool: Spool, scorer: ScorerServer, answer: int
) -> None:
    fill(spool, "a", "b")
    scorer.answers = [answer]
    one = sender(spool, scorer.url)
    assert one.deliver_next(0) is False
    assert one.deliver_next(0) is True
    assert one.deliver_next(0) is True
    one.close()
    assert scorer.batch_numbers() == [1, 1, 2]
    assert one.counters()["send_failures"] == 1
    assert spool.counters()["batches_rejected"] == 0


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422, 418])
def test_what_is_refused_for_good_is_put_aside_and_blocks_nobody(
    spool: Spool, scorer: ScorerServer, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    assert status not in RETRIED_4XX
    fill(spool, "bad", "good")
    scorer.answers = [status]
    one = sender(spool, scorer.url)
    with caplog.at_level(logging.ERROR, "spit.export"):
        assert one.deliver_next(0) is True
    assert one.deliver_next(0) is True
    one.close()
    assert scorer.call_ids() == ["bad", "good"]
    assert spool.counters()["events_rejected"] == 1
    assert one.counters()["events_sent"] == 1
    assert f"rejected and put aside: status {status} no" in caplog.text


def test_an_answer_that_was_lost_is_no_second_delivery(spool: Spool, scorer: ScorerServer) -> None:
    def duplicate(handler: BaseHTTPRequestHandler) -> None:
        text = json.dumps({"accepted": 0, "duplicate": True})
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text.encode())

    fill(spool, "a")
    scorer.answers = [hang_up, duplicate]
    one = sender(spool, scorer.url)
    assert [one.deliver_next(0), one.deliver_next(0)] == [False, True]
    one.close()
    counts = one.counters()
    assert (counts["batches_repeated"], counts["batches_sent"], counts["events_sent"]) == (1, 0, 0)


def test_a_connection_that_the_scorer_closed_while_idle_is_opened_again(
    spool: Spool, scorer: ScorerServer
) -> None:
    fill(spool, "a", "b")
    scorer.answers = [hang_up_after_answer]
    one = sender(spool, scorer.url)
    assert one.deliver_next(0) is True
    assert one.deliver_next(0) is True
    one.close()
    assert one.counters()["send_failures"] == 0
    assert scorer.connections == 2


def hang_up_after_answer(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "2")
    handler.end_headers()
    handler.wfile.write(b"{}")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def test_the_first_that_answers_takes_all_until_it_does_not(
    spool: Spool, scorer: ScorerServer, other: ScorerServer, caplog: pytest.LogCaptureFixture
) -> None:
    down = free_url()
    clock = Clock()
    one = sender(spool, down, scorer.url, other.url, clock=clock)
    with caplog.at_level(logging.WARNING, "spit.export"):
        fill(spool, *"abc")
        while one.deliver_next(0):
            pass
        assert (scorer.call_ids(), other.call_ids()) == (["a", "b", "c"], [])
        scorer.answers = [503]
        fill(spool, *"de")
        while one.deliver_next(0):
            pass
    one.close()
    assert other.call_ids() == ["d", "e"]
    assert one.counters()["failovers"] == 2
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"{down} does not take events: Connection refused; 3 batches wait",
        f"{scorer.url} does not take events: status 503 no; 2 batches wait",
    ]


def test_pauses_double_up_to_a_limit_and_start_again_after_a_delivery(
    spool: Spool, scorer: ScorerServer
) -> None:
    fill(spool, "a", "b")
    scorer.answers = [*[503] * 9, 200, 503, 503]
    clock = Clock()
    clock.stop_after = 11
    one = sender(spool, scorer.url, clock=clock)
    one.run()
    one.close()
    assert clock.pauses == [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 0.5, 1]


def test_jitter_spreads_the_pauses(spool: Spool) -> None:
    fill(spool, "a")
    clock = Clock()
    clock.stop_after = 3
    jitter = iter([0.0, 0.5, 1.0])
    Sender(
        spool, [free_url()], agent_id="e", token="", clock=clock.read, pause=clock.pause,
        jitter=lambda: next(jitter),
    ).run()  # fmt: skip
    assert clock.pauses == [0.25, 0.75, 2.0]


def test_beginning_and_end_of_an_outage_are_two_lines(
    spool: Spool, scorer: ScorerServer, caplog: pytest.LogCaptureFixture
) -> None:
    fill(spool, "a")
    scorer.answers = [503] * 5
    clock = Clock()
    one = sender(spool, scorer.url, clock=clock)
    with caplog.at_level(logging.WARNING, "spit.export"):
        for _ in range(6):
            one.deliver_next(0)
            clock.now_s += 10
    one.close()
    assert [record.getMessage() for record in caplog.records] == [
        f"{scorer.url} does not take events: status 503 no; 1 batches wait",
        f"{scorer.url} takes events again after 50 s; 1 batches wait",
    ]


def test_other_scorers_and_another_token_from_the_next_batch_on(
    spool: Spool, scorer: ScorerServer, other: ScorerServer
) -> None:
    fill(spool, "a", "b")
    one = sender(spool, scorer.url, token="old")  # noqa: S106
    one.deliver_next(0)
    one.configure([other.url], "new")
    one.deliver_next(0)
    one.close()
    assert (scorer.call_ids(), other.call_ids()) == (["a"], ["b"])
    assert other.requests[0][1]["Authorization"] == "Bearer new"


def test_draining_sends_what_it_can_and_leaves_the_rest(spool: Spool, scorer: ScorerServer) -> None:
    fill(spool, *"abc")
    scorer.answers = [200, 503]
    clock = Clock()
    one = sender(spool, scorer.url, clock=clock)
    one.drain(until_s=5)
    assert (scorer.call_ids(), len(spool)) == (["a", "b"], 2)
    one.drain(until_s=0)  # no time left: nothing is sent
    assert len(spool) == 2
    one.drain(until_s=5)
    one.close()
    assert scorer.call_ids() == ["a", "b", "b", "c"]


def test_it_runs_in_a_thread_until_it_is_stopped(spool: Spool, scorer: ScorerServer) -> None:
    stop = threading.Event()
    one = Sender(
        spool, [scorer.url], agent_id="e", token="", clock=lambda: 0.0, pause=stop.wait, jitter=lambda: 0.0
    )
    thread = threading.Thread(target=one.run)
    thread.start()
    fill(spool, "a", "b")
    scorer.wait_for(2)
    stop.set()
    spool.wake()
    thread.join(timeout=30)
    one.close()
    assert not thread.is_alive()


def test_a_scorer_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        connection = ScorerConnection(
            f"http://127.0.0.1:{silent.getsockname()[1]}", connect_timeout_s=5, read_timeout_s=0.01
        )
        with pytest.raises(ScorerError, match="no answer in time"):
            connection.post(b"x", {})


@pytest.mark.parametrize(
    ("url", "words"),
    [("http://spit.invalid:1", "."), ("http://a..b:1", "label"), ("https://127.0.0.1:{port}", ".")],
)
def test_a_scorer_that_cannot_be_reached_is_a_line(url: str, words: str, scorer: ScorerServer) -> None:
    port = scorer.url.rpartition(":")[2]
    with pytest.raises(ScorerError, match=words) as caught:
        ScorerConnection(url.format(port=port), connect_timeout_s=5).post(b"x", {})
    assert "\n" not in str(caught.value)


def test_a_path_before_the_interface_is_kept() -> None:
    assert (
        ScorerConnection("https://example.net/spit/")._connection.url == "https://example.net/spit/v1/events"
    )
