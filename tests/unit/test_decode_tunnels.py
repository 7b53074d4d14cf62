"""What scapy builds around SIP, the decoder takes off again: addresses, messages and counters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.contrib.erspan import ERSPAN_I, ERSPAN_II, ERSPAN_III, ERSPAN_PlatformSpecific
from scapy.contrib.geneve import GENEVE, GeneveOptions
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.contrib.mpls import MPLS, EoMCW
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment, fragment6
from scapy.layers.l2 import GRE, CookedLinux, CookedLinuxV2, Dot1AD, Dot1Q, Ether, Loopback
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw
from scapy.utils import PcapWriter

from spit.capture.files import CaptureFiles

MESSAGE = (
    b"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n"
    b"From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: tunnel\r\n"
    b"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


def ethernet() -> Packet:
    return Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


def call() -> Packet:
    return IP(src="10.0.0.1", dst="10.0.0.2", id=7) / UDP(sport=5060, dport=5061) / Raw(MESSAGE)


def call6() -> Packet:
    return IPv6(src="2001:db8::1", dst="2001:db8::2") / UDP(sport=5060, dport=5061) / Raw(MESSAGE)


def outer() -> Packet:
    return ethernet() / IP(src="192.0.2.1", dst="192.0.2.2")


def vxlan(inner: Packet) -> Packet:
    return outer() / UDP(sport=49152, dport=4789, chksum=0) / VXLAN(vni=5, flags="Instance") / inner


BUILT: dict[str, Callable[[], Packet]] = {
    "VLAN": lambda: ethernet() / Dot1Q(vlan=7) / call(),
    "QinQ": lambda: ethernet() / Dot1AD(vlan=7) / Dot1Q(vlan=8) / call(),
    "MPLS": lambda: ethernet() / MPLS(label=16, s=0) / MPLS(label=17, s=1) / call(),
    "pseudowire": lambda: ethernet() / MPLS(label=16, s=1) / EoMCW(seq=3) / ethernet() / call(),
    "PPPoE": lambda: ethernet() / PPPoE(sessionid=1) / PPP(proto=0x0021) / call(),
    "GRE": lambda: outer() / GRE() / call(),
    "GRE with options": lambda: (
        outer() / GRE(chksum_present=1, key_present=1, seqnum_present=1, key=5, sequence_number=6) / call()
    ),
    "NVGRE": lambda: outer() / GRE(proto=0x6558, key_present=1, key=5) / ethernet() / call(),
    "ERSPAN I": lambda: outer() / GRE(proto=0x88BE) / ERSPAN_I() / ethernet() / call(),
    "ERSPAN II": lambda: (
        outer() / GRE(proto=0x88BE, seqnum_present=1) / ERSPAN_II(session_id=9) / ethernet() / call()
    ),
    "ERSPAN III": lambda: (
        outer() / GRE(proto=0x22EB, seqnum_present=1) / ERSPAN_III(session_id=9) / ethernet() / call()
    ),
    "ERSPAN III, platform": lambda: (
        outer()
        / GRE(proto=0x22EB, seqnum_present=1)
        / ERSPAN_III(session_id=9, o=1)
        / ERSPAN_PlatformSpecific()
        / ethernet()
        / call()
    ),
    "VXLAN": lambda: vxlan(ethernet() / call()),
    "Geneve": lambda: (
        outer()
        / UDP(sport=49152, dport=6081)
        / GENEVE(vni=5, options=[GeneveOptions(classid=1, type=2, data=b"1234")])
        / ethernet()
        / call()
    ),
    "IP in IP": lambda: outer() / call(),
    "4in6": lambda: ethernet() / IPv6(src="2001:db8::a", dst="2001:db8::b") / call(),
    "GTP-U": lambda: outer() / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=1) / call(),
    "GTP-U, 5G": lambda: (
        outer()
        / UDP(sport=2152, dport=2152)
        / GTP_U_Header(teid=1, E=1, S=1, next_ex=0x85)
        / GTPPDUSessionContainer(type=1, QFI=9)
        / call()
    ),
    "SLL with a VLAN": lambda: CookedLinux() / Dot1Q(vlan=7) / call(),
    "SLL2": lambda: CookedLinuxV2(proto=0x0800) / call(),
    "NULL": lambda: Loopback() / call(),
    "raw": call,
    "VXLAN in ERSPAN over MPLS": lambda: (
        ethernet()
        / MPLS(label=16, s=1)
        / IP(src="192.0.2.3", dst="192.0.2.4")
        / GRE(proto=0x88BE, seqnum_present=1)
        / ERSPAN_II(session_id=9)
        / vxlan(ethernet() / Dot1Q(vlan=7) / call())
    ),
}


def fragments(packet: Packet) -> list[Packet]:
    """The packet in fragments of its outermost IP header."""
    pieces: list[Packet] = fragment(packet, fragsize=120)  # type: ignore[no-untyped-call]
    # As bytes: scapy forgets the protocol of a fragment that is put into another packet.
    return [type(piece)(bytes(piece)) for piece in pieces]


def decode(path: Path, packets: list[Packet]) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Source and destination of each message, and the counters."""
    with PcapWriter(str(path)) as writer:
        for number, packet in enumerate(packets):
            packet.time = 1_772_445_600 + number / 1000
            writer.write(packet)
    capture = CaptureFiles([str(path)])
    ends = [(row["source"], row["destination"]) for batch in capture.messages() for row in batch.to_pylist()]
    assert capture.damages() == []
    return ends, capture.counters()


@pytest.mark.parametrize("name", BUILT)
def test_the_message_has_the_innermost_addresses(name: str, tmp_path: Path) -> None:
    ends, _ = decode(tmp_path / "a.pcap", [BUILT[name]()])
    assert ends == [("10.0.0.1:5060", "10.0.0.2:5061")]


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda: ethernet() / PPPoE(sessionid=1) / PPP(proto=0x0057) / call6(),
        lambda: outer() / call6(),
        lambda: outer() / UDP(sport=2152, dport=2152) / GTP_U_Header(teid=1) / call6(),
    ],
)
def test_ipv6_inside(wrapped: Callable[[], Packet], tmp_path: Path) -> None:
    ends, _ = decode(tmp_path / "a.pcap", [wrapped()])
    assert ends == [("[2001:db8::1]:5060", "[2001:db8::2]:5061")]


def test_fragments_of_a_tunnel_and_in_a_tunnel(tmp_path: Path) -> None:
    outside = fragments(vxlan(ethernet() / call()))
    inside = [vxlan(ethernet() / piece) for piece in fragments(call())]
    gre = IPv6(src="2001:db8::a", dst="2001:db8::b") / IPv6ExtHdrFragment(id=3) / GRE(proto=0x86DD) / call6()
    six: list[Packet] = [ethernet() / piece for piece in fragment6(gre, 200)]  # type: ignore[no-untyped-call]
    assert min(len(outside), len(inside), len(six)) > 1
    for packets, source in ((outside, "10.0.0.1"), (inside, "10.0.0.1"), (six, "[2001:db8::1]")):
        ends, counters = decode(tmp_path / "a.pcap", packets)
        assert [end for end, _ in ends] == [f"{source}:5060"]
        assert counters["fragments_reassembled"] == 1


def test_an_icmp_error_that_quotes_sip_is_counted_and_no_call(tmp_path: Path) -> None:
    error = ethernet() / IP(src="10.0.0.2", dst="10.0.0.1") / ICMP(type=3, code=3) / call()
    ends, counters = decode(tmp_path / "a.pcap", [error])
    assert (ends, counters["icmp"]) == ([], 1)


def test_duplicates_of_a_mirror_are_dropped_and_retransmissions_kept(tmp_path: Path) -> None:
    first = ethernet() / call()
    routed = ethernet() / Dot1Q(vlan=7) / call()
    routed[IP].ttl = 63
    again = ethernet() / call()
    again[IP].id = 8
    ends, counters = decode(tmp_path / "a.pcap", [first, routed, vxlan(ethernet() / call()), again])
    assert (len(ends), counters["duplicates"]) == (2, 2)


def test_the_window_is_a_setting(tmp_path: Path) -> None:
    decode(tmp_path / "a.pcap", [ethernet() / call(), ethernet() / call()])
    capture = CaptureFiles([str(tmp_path / "a.pcap")], {"duplicate_window_us": 0})
    assert sum(batch.num_rows for batch in capture.messages()) == 2


def test_tcp_in_a_tunnel_is_put_in_order(tmp_path: Path) -> None:
    def segment(begin: int, end: int | None) -> Packet:
        tcp = TCP(sport=5060, dport=5061, seq=100 + begin, flags="PA")
        return vxlan(
            ethernet() / IP(src="10.0.0.1", dst="10.0.0.2", id=begin) / tcp / Raw(MESSAGE[begin:end])
        )

    ends, _ = decode(tmp_path / "a.pcap", [segment(0, 50), segment(90, None), segment(50, 90)])
    assert ends == [("10.0.0.1:5060", "10.0.0.2:5061")]
