"""Where the service listens, and which clock it goes by."""

from __future__ import annotations

import socket
import threading

import httpx
import pyarrow as pa
import pytest
import uvicorn
from service_client import NOW_US, SPAMMER, TableEngine, with_service

from spit.config import Config
from spit.errors import ConfigError
from spit.records import EVENT_SCHEMA
from spit.service.server import check_host, event_time, serve, wall_time_us


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_hosts_are_taken(host: str) -> None:
    check_host(with_service(Config(), host=host).service)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "spit.example.net"])  # noqa: S104
def test_other_hosts_need_the_word_of_the_operator(host: str) -> None:
    config = with_service(Config(), host=host)
    with pytest.raises(ConfigError, match=r"service\.host: expected a loopback address .*found " + host):
        serve(TableEngine(config), config)
    check_host(with_service(config, allow_public=True).service)


def test_a_taken_port_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = with_service(Config(), port=port)
        with pytest.raises(
            ConfigError, match=rf"^service\.port: cannot listen on 127\.0\.0\.1 port {port}: Address already"
        ):
            serve(TableEngine(config), config)


def test_event_time_is_the_captures_end_once_something_was_read() -> None:
    engine = TableEngine(Config())
    now_us = event_time(engine)
    before_us = wall_time_us()
    assert before_us <= now_us() <= wall_time_us()
    row = {"event": "attempt", "time_us": NOW_US, "start_time_us": NOW_US, "method": "INVITE", "call_id": "c"}
    columns = [pa.array([row.get(field.name)], field.type) for field in EVENT_SCHEMA]
    engine.observe(pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA))
    assert now_us() == NOW_US


def test_serve_answers_over_a_real_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TableEngine(Config())
    listening = threading.Event()
    servers: list[uvicorn.Server] = []
    ports: list[int] = []
    startup = uvicorn.Server.startup

    async def watched(server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> None:
        await startup(server, sockets)
        servers.append(server)
        ports.extend(one.getsockname()[1] for one in sockets or [])
        listening.set()

    monkeypatch.setattr(uvicorn.Server, "startup", watched)
    config = with_service(Config(), port=0)
    thread = threading.Thread(target=serve, args=(engine, config), kwargs={"time_source": lambda: NOW_US})
    thread.start()
    try:
        assert listening.wait(timeout=30)
        with httpx.Client(base_url=f"http://127.0.0.1:{ports[0]}") as client:
            response = client.get("/v1/score", params={"caller": SPAMMER, "callee": "+4930123456"})
        assert response.json()["would_action"] == "reject"
        assert engine.assessed[0]["time_us"] == NOW_US
    finally:
        servers[0].should_exit = True
        thread.join(timeout=30)
    assert not thread.is_alive()
