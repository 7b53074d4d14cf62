"""HEP inside captures, over UDP and TCP, made by hand and by scapy. tshark 4.0 has no HEP to compare with."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from hep_packets import NOW_S, connection, datagram, hep2, hep3, read, sip


def test_hep3_over_udp_gives_the_message_where_and_when_its_sender_saw_it(tmp_path: Path) -> None:
    packet = hep3(
        sip("one"), time_s=NOW_S - 1, more=[(0, 17, b"one"), (40, 3, b"vendor"), (0, 500, b"unknown")]
    )
    rows, counters = read(tmp_path / "c.pcap", [datagram(packet)])
    (row,) = rows
    assert (row["call_id"], row["source"], row["destination"]) == ("one", "192.0.2.1:5060", "192.0.2.2:5062")
    assert (row["transport"], row["time"]) == ("udp", NOW_S - 1)
    assert (counters["hep_packets"], counters["messages"]) == (1, 1)


def test_hep_is_recognised_by_content_on_port_5060(tmp_path: Path) -> None:
    # With 2,304 to 2,559 bytes the length's first byte is a tab, and the packet reads like a request.
    body = hep3(sip("one") + b"x" * 2100)
    assert body[4] == ord("\t")
    rows, _ = read(tmp_path / "c.pcap", [datagram(body, port=5060)])
    assert [(row["method"], row["source"]) for row in rows] == [("INVITE", "192.0.2.1:5060")]


@pytest.mark.parametrize(("number", "transport"), [(17, "udp"), (6, "tcp"), (132, "sctp"), (22, "tls")])
def test_the_transport_is_the_senders(tmp_path: Path, number: int, transport: str) -> None:
    rows, _ = read(tmp_path / "c.pcap", [datagram(hep3(sip("one"), ip_protocol=number))])
    assert [row["transport"] for row in rows] == [transport]


def test_ipv6_and_a_compressed_payload(tmp_path: Path) -> None:
    packet = hep3(
        zlib.compress(sip("one")), payload_chunk=16, source="2001:db8::1", destination="2001:db8::2"
    )
    rows, _ = read(tmp_path / "c.pcap", [datagram(packet)])
    assert [(row["call_id"], row["source"]) for row in rows] == [("one", "[2001:db8::1]:5060")]


def test_hep2_as_kamailio_sends_it(tmp_path: Path) -> None:
    rows, _ = read(tmp_path / "c.pcap", [datagram(hep2(sip("one"), time_s=NOW_S - 2))])
    assert [(row["call_id"], row["destination"], row["time"]) for row in rows] == [
        ("one", "192.0.2.2:5062", NOW_S - 2)
    ]


def test_over_tcp_in_segments_of_any_size_and_in_any_order(tmp_path: Path) -> None:
    stream = hep3(sip("one")) + hep3(sip("two")) + hep3(sip("three"))
    for size in (1, 7, 100, len(stream)):
        parts = [stream[at : at + size] for at in range(0, len(stream), size)]
        packets = connection(parts)
        if size == 100:
            packets[3], packets[5] = packets[5], packets[3]
        rows, counters = read(tmp_path / "c.pcap", packets)
        assert [row["call_id"] for row in rows] == ["one", "two", "three"], size
        assert {row["source"] for row in rows} == {"192.0.2.1:5060"}
        assert counters["hep_packets"] == 3
        assert "tcp_junk_bytes" not in counters


def test_a_torn_stream_goes_on_at_the_next_packet(tmp_path: Path) -> None:
    bad = bytearray(hep3(sip("bad")))
    bad[4:6] = b"\0\1"
    stream = hep3(sip("one")) + bytes(bad) + hep3(sip("two"))
    rows, counters = read(tmp_path / "c.pcap", connection([stream]))
    assert [row["call_id"] for row in rows] == ["one", "two"]
    assert counters["tcp_junk_bytes"] == len(bad)


def test_the_key_is_asked_for_where_one_is_configured(tmp_path: Path) -> None:
    right, wrong = ([(0, 14, key)] for key in (b"secret", b"Secret"))
    packets = [
        datagram(hep3(sip("right"), more=right)),
        datagram(hep3(sip("wrong"), more=wrong)),
        datagram(hep3(sip("none"))),
        datagram(hep2(sip("version2"))),
        *connection([hep3(sip("stream"), more=right), hep3(sip("wrongstream"), more=wrong)]),
    ]
    path = tmp_path / "c.pcap"
    rows, counters = read(path, packets, {"hep_auth_key": "secret"})
    assert [row["call_id"] for row in rows] == ["right", "stream"]
    assert (counters["hep_packets"], counters["hep_bad_key"]) == (6, 4)
    rows, counters = read(path, packets, {"hep_auth_key": ""})
    assert len(rows) == 6
    assert "hep_bad_key" not in counters


def test_a_time_that_cannot_be_is_the_captures(tmp_path: Path) -> None:
    packets = [datagram(hep3(sip(str(time_s)), time_s=time_s)) for time_s in (0, NOW_S - 5, NOW_S + 3600)]
    rows, counters = read(tmp_path / "c.pcap", packets)
    assert [row["time"] for row in rows] == [NOW_S, NOW_S - 5, NOW_S]
    assert counters["hep_time_replaced"] == 2


def test_everything_that_gives_no_message_is_counted(tmp_path: Path) -> None:
    good = hep3(sip("one"))
    packets = [
        datagram(hep3(b'{"ssrc": 1}', protocol_type=5)),
        datagram(hep3(b"\x80\x00 no SIP")),
        datagram(hep3(good)),
        datagram(good[:-1]),
        datagram(hep3(zlib.compress(b"x" * 10**6), payload_chunk=16)),
        datagram(hep3(b"no zlib", payload_chunk=16)),
    ]
    rows, counters = read(tmp_path / "c.pcap", packets)
    assert rows == []
    names = ("hep_packets", "hep_not_sip", "hep_nested", "hep_bad", "hep_bomb")
    assert {name: counters[name] for name in names} == dict(zip(names, (6, 2, 1, 2, 1), strict=True))
