"""Live capture from HEP senders: packets over UDP and TCP give the calls in them. Needs no privileges."""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time

import pytest
from live_network import invite, read_until

from spit import _core

pytestmark = pytest.mark.e2e


def hep3(payload: bytes, *, key: bytes | None = None) -> bytes:
    """A HEP3 packet: SIP over UDP between two IPv4 addresses, seen now."""

    def chunk(kind: int, value: bytes) -> bytes:
        return struct.pack("!HHH", 0, kind, 6 + len(value)) + value

    now = time.time()
    chunks = [
        chunk(1, b"\x02"),
        chunk(2, b"\x11"),
        chunk(3, socket.inet_aton("192.0.2.1")),
        chunk(4, socket.inet_aton("192.0.2.2")),
        chunk(7, struct.pack("!H", 5060)),
        chunk(8, struct.pack("!H", 5062)),
        chunk(9, struct.pack("!I", int(now))),
        chunk(10, struct.pack("!I", int(now % 1 * 1e6))),
        chunk(11, b"\x01"),
        chunk(12, struct.pack("!I", 7)),
        *([chunk(14, key)] if key is not None else []),
        chunk(15, payload),
    ]
    body = b"".join(chunks)
    return b"HEP3" + struct.pack("!H", 6 + len(body)) + body


def ports(reader: _core.LiveReader) -> dict[str, int]:
    return {text.split(":")[0]: int(text.rsplit(":", 1)[1]) for text in reader.hep_addresses()}


def attempts(rows: list[dict[str, object]]) -> set[object]:
    return {row["call_id"] for row in rows if row["event"] == "attempt"}


def test_packets_over_udp_and_tcp_give_their_calls() -> None:
    reader = _core.LiveReader(hep=["127.0.0.1:0"])
    port = ports(reader)
    assert port["udp"] == port["tcp"] != 0
    reader.start()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.create_connection(("127.0.0.1", port["tcp"])) as tcp,
    ):
        for number in range(100):
            udp.sendto(hep3(invite(f"udp-{number}")), ("127.0.0.1", port["udp"]))
        stream = b"".join(hep3(invite(f"tcp-{number}")) for number in range(100))
        for at in range(0, len(stream), 777):
            tcp.sendall(stream[at : at + 777])
        rows = read_until(reader, lambda: reader.counters()["messages"] >= 200)
    wanted = {f"{transport}-{number}" for transport in ("udp", "tcp") for number in range(100)}
    assert attempts(rows) == wanted
    assert {row["source_ip"] for row in rows} == {"192.0.2.1"}
    counters = reader.counters()
    assert (counters["hep_connections"], counters["hep_connections_cut"]) == (1, 0)


def test_a_peer_that_sends_no_hep_is_cut_off_and_the_others_go_on() -> None:
    reader = _core.LiveReader(hep=["tcp:127.0.0.1:0"])
    address = ("127.0.0.1", ports(reader)["tcp"])
    reader.start()
    with socket.create_connection(address) as good, socket.create_connection(address) as bad:
        bad.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert bad.recv(1) == b""
        good.sendall(hep3(invite("good")))
        rows = read_until(reader, lambda: reader.counters()["messages"] >= 1)
    assert attempts(rows) == {"good"}
    assert reader.counters()["hep_connections_cut"] == 1


def test_packets_without_the_key_are_counted_and_give_nothing() -> None:
    reader = _core.LiveReader(hep=["udp:127.0.0.1:0"], live={"hep_auth_key": "secret"})
    address = ("127.0.0.1", ports(reader)["udp"])
    reader.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.sendto(hep3(invite("forged"), key=b"guess"), address)
        udp.sendto(hep3(invite("keyless")), address)
        udp.sendto(hep3(invite("genuine"), key=b"secret"), address)
        rows = read_until(reader, lambda: reader.counters()["messages"] >= 1)
    assert attempts(rows) == {"genuine"}


def test_calls_that_go_on_are_saved_and_not_ended() -> None:
    def read(state: bytes | None, call_id: str) -> tuple[list[object], bytes]:
        reader = _core.LiveReader(hep=["udp:127.0.0.1:0"], state=state)
        reader.start()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(hep3(invite(call_id)), ("127.0.0.1", ports(reader)["udp"]))
            rows = read_until(reader, lambda: reader.counters()["messages"] >= 1)
        return [row["event"] for row in rows], reader.save_state()

    events, state = read(None, "goes-on")
    assert events == ["attempt"]
    # The same INVITE is one of a known call.
    again, state = read(state, "goes-on")
    assert again == []
    other, _ = read(state, "another")
    assert other == ["attempt"]


def test_an_idle_reader_waits_no_longer_than_asked_and_ends_when_stopped() -> None:
    reader = _core.LiveReader(hep=["udp:127.0.0.1:0"])
    reader.start()
    assert reader.read_events(10, 0.0) is None
    assert not reader.ended
    assert read_until(reader, lambda: True) == []
    assert reader.ended
    never_started = _core.LiveReader(hep=["udp:127.0.0.1:0"])
    assert read_until(never_started, lambda: True) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "expected an interface or a HEP address, found neither"),
        ({"hep": ["localhost"]}, 'hep: expected an address such as 0.0.0.0:9060.* found "localhost"'),
        ({"hep": ["127.0.0.1:0"], "live": {"workers": 0}}, "workers: expected 1 to 64, found 0"),
        ({"hep": ["127.0.0.1:0"], "live": {"filter": "tcp"}}, 'filter: expected sip or all, found "tcp"'),
        ({"hep": ["127.0.0.1:0"], "live": {"exclude": ["a:b"]}}, 'exclude: expected .* found "a:b"'),
        ({"hep": ["127.0.0.1:0"], "live": {"ring": 1}}, "live setting ring is not known"),
        ({"hep": ["127.0.0.1:0"], "state": b"\x07\x07"}, "state: .*expected a saved tracker"),
        ({"interfaces": ["lo", "lo"]}, "interface lo: expected once, found twice"),
    ],
)
def test_what_is_wrong_is_told_with_what_was_expected(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        _core.LiveReader(**arguments)  # type: ignore[arg-type]


def test_an_address_in_use_is_told() -> None:
    holder = _core.LiveReader(hep=["udp:127.0.0.1:0"])
    address = holder.hep_addresses()[0]
    with pytest.raises(OSError, match=r"HEP collector on 127\.0\.0\.1") as refused:
        _core.LiveReader(hep=[address])
    assert refused.value.errno in (errno.EADDRINUSE, None)
