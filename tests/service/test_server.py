"""Where the service listens, and which clock it goes by."""

from __future__ import annotations

import socket
import threading

import httpx
import pyarrow as pa
import pytest
from service_client import ENFORCE, NOW_US, SPAMMER, TableEngine, with_service

from spit.config import Config
from spit.errors import ConfigError
from spit.records import EVENT_SCHEMA
from spit.service.server import HttpService, check_host, event_time, listen, wall_time_us


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_hosts_are_taken(host: str) -> None:
    check_host(with_service(Config(), host=host).service, has_keys=False)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "spit.example.net"])  # noqa: S104
def test_other_hosts_need_the_word_of_the_operator(host: str) -> None:
    config = with_service(Config(), host=host)
    with pytest.raises(ConfigError, match=r"service\.host: expected a loopback address .*found " + host):
        listen(config.service)
    public = with_service(config, allow_public=True).service
    with pytest.raises(ConfigError, match=r"service\.keys_file: expected a file of API keys"):
        listen(public)
    check_host(public, has_keys=True)


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = with_service(Config(), port=port)
        with pytest.raises(
            ConfigError, match=rf"^service\.port: cannot listen on 127\.0\.0\.1 port {port}: Address already"
        ):
            listen(config.service)


def test_event_time_is_the_captures_end_once_something_was_read() -> None:
    engine = TableEngine(Config())
    now_us = event_time(engine)
    before_us = wall_time_us()
    assert before_us <= now_us() <= wall_time_us()
    row = {"event": "attempt", "time_us": NOW_US, "start_time_us": NOW_US, "method": "INVITE", "call_id": "c"}
    columns = [pa.array([row.get(field.name)], field.type) for field in EVENT_SCHEMA]
    engine.observe(pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA))
    assert now_us() == NOW_US


def test_it_answers_over_a_real_socket_until_it_is_stopped() -> None:
    config = with_service(Config(), port=0, score_budget_ms=60_000)
    engine = TableEngine(config)
    ended = threading.Event()
    listener = listen(config.service)
    port = listener.getsockname()[1]
    service = HttpService(engine, config, listener, time_source=lambda: NOW_US, on_end=ended.set)
    service.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        response = client.get("/v1/score", params={"caller": SPAMMER, "callee": "+4930123456"})
        assert response.json()["would_action"] == "reject"
        assert engine.assessed[-1]["time_us"] == NOW_US
        # The connection is still open: it does not hold the end up.
        assert service.stop(30)
    assert ended.is_set()


def test_another_mode_and_token_hold_from_the_next_request_on() -> None:
    config = with_service(Config(), port=0, score_budget_ms=60_000)
    engine = TableEngine(config)
    engine.failure = RuntimeError("out of order")
    listener = listen(config.service)
    port = listener.getsockname()[1]
    service = HttpService(engine, config, listener, token="first")  # noqa: S106
    service.start()
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:

            def mode() -> object:
                query = {"caller": SPAMMER, "callee": "+4930123456"}
                return client.get("/v1/score", params=query).json()["mode"]

            def events(token: str) -> int:
                headers = {"Authorization": f"Bearer {token}"}
                return client.post("/v1/events", json=[], headers=headers).status_code

            assert (mode(), events("first"), events("second")) == ("monitor", 200, 401)
            service.configure(ENFORCE.policy, "second")
            assert (mode(), events("first"), events("second")) == ("enforce", 401, 200)
    finally:
        assert service.stop(30)
