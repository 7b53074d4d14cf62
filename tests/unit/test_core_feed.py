"""``_core.Feed``: what is pushed gives the rows that reading a capture gives."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from spit import _core, records

CAPTURE = Path(__file__).parents[2] / "captures" / "wangiri.pcap"
INVITE = (
    b"INVITE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:+4930123456@h>;tag=a\r\n"
    b"To: <sip:+4989654321@h>\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
ENDS = ("192.0.2.1:5060", "[2001:db8::1]:5060")


def frames() -> list[tuple[int, int, bytes]]:
    """Time, link type and bytes of every packet of a pcap file (microseconds, this machine's byte order)."""
    content = CAPTURE.read_bytes()
    magic, link_type = struct.unpack_from("<I16xI", content)
    assert magic == 0xA1B2C3D4
    at, found = 24, []
    while at < len(content):
        seconds, micros, captured, _ = struct.unpack_from("<IIII", content, at)
        found.append((seconds * 1_000_000 + micros, link_type, content[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return found


@pytest.mark.parametrize("kind", ["events", "calls", "messages"])
def test_frames_give_the_rows_of_the_capture(kind: str) -> None:
    reader, feed = _core.CaptureReader([str(CAPTURE)]), _core.Feed(kind=kind)
    expected: list[dict[str, Any]] = []
    while (batch := getattr(reader, f"read_{kind}")(10_000)) is not None:
        expected += batch.to_pylist()
    rows: list[dict[str, Any]] = []
    for count, frame in enumerate(frames()):
        feed.frame(*frame)
        if count % 100 == 0 and (batch := getattr(feed, f"read_{kind}")()) is not None:
            rows += batch.to_pylist()
    feed.flush()
    if (batch := getattr(feed, f"read_{kind}")()) is not None:
        rows += batch.to_pylist()
    assert len(rows) > 50
    assert rows == expected
    assert feed.counters() == reader.counters()
    assert getattr(feed, f"read_{kind}")() is None


def test_messages_of_every_transport() -> None:
    feed = _core.Feed(kind="messages")
    for transport in ("udp", "tcp", "tls", "sctp", "ws"):
        assert feed.message(1_000_000, *ENDS, transport, INVITE) == 1
    batch = feed.read_messages()
    assert batch is not None
    assert batch.schema.equals(records.MESSAGE_SCHEMA)
    assert batch.column("transport").to_pylist() == ["udp", "tcp", "tls", "sctp", "ws"]
    assert set(batch.column("source").to_pylist()) == {ENDS[0]}
    assert set(batch.column("destination").to_pylist()) == {ENDS[1]}


def test_a_message_of_a_stream_is_one_and_a_datagram_may_hold_several() -> None:
    feed = _core.Feed(kind="messages")
    assert feed.message(0, *ENDS, "udp", INVITE + INVITE) == 2
    assert feed.message(0, *ENDS, "tls", INVITE.replace(b"Content-Length: 0\r\n", b"")) == 1
    assert feed.message(0, *ENDS, "udp", b"\x80\x00no SIP") == 0
    batch = feed.read_messages()
    assert batch is not None
    assert batch.column("anomalies").to_pylist() == [[], ["later_in_datagram"], ["no_content_length"]]
    counters = feed.counters()
    assert (counters["messages"], counters["not_sip"]) == (3, 1)


def test_time_goes_on_without_messages() -> None:
    feed = _core.Feed({"transaction_timeout_s": 32}, kind="events")
    feed.message(1_000_000, *ENDS, "udp", INVITE)
    feed.advance(32_000_000)
    first = feed.read_events()
    assert first is not None
    assert first.column("event").to_pylist() == ["attempt"]
    feed.advance(34_000_000)
    second = feed.read_events()
    assert second is not None
    assert second.column("event").to_pylist() == ["end"]
    assert second.column("outcome").to_pylist() == ["no_answer"]
    feed.flush()
    assert feed.read_events() is None


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match=r"kind: expected events, calls or messages, found \"rows\""):
        _core.Feed(kind="rows")
    with pytest.raises(ValueError, match="setting colour is not known"):
        _core.Feed({"colour": 1})
    feed = _core.Feed(kind="calls")
    with pytest.raises(RuntimeError, match="made for calls, it has no events"):
        feed.read_events()
    with pytest.raises(ValueError, match='transport: expected udp, tcp, tls, sctp or ws, found "dccp"'):
        feed.message(0, *ENDS, "dccp", INVITE)
    with pytest.raises(ValueError, match=r"destination: expected an address with port .* found \"h:5060\""):
        feed.message(0, ENDS[0], "h:5060", "udp", INVITE)


def test_bytes_that_are_no_text_spoil_neither_their_neighbours_nor_the_missing_ones() -> None:
    # Cut between two rows, what stands side by side in the column would be valid UTF-8.
    agents = [b"", b"\xc3", b"\xa4 phone", "ä phone".encode(), b"\x00", b"\xff\xfe"]
    feed = _core.Feed(kind="messages")
    for agent in agents:
        header = b"User-Agent: " + agent + b"\r\n" if agent else b""
        feed.message(1_000_000, *ENDS, "udp", INVITE.replace(b"Call-ID", header + b"Call-ID"))
    batch = feed.read_messages()
    assert batch is not None
    batch.validate(full=True)
    expected = [None, "\ufffd", "\ufffd phone", "ä phone", "\0", "\ufffd\ufffd"]
    assert batch["user_agent"].to_pylist() == expected
    marked = ["non_utf8" in names for names in batch["anomalies"].to_pylist()]
    assert marked == [False, True, True, False, False, True]
