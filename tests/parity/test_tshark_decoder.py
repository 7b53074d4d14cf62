"""``--decoder tshark``: the bytes that tshark finds give the rows that the native decoder gives."""

from __future__ import annotations

import json
import shutil
import ssl
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.sctp import SCTP, SCTPChunkData
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

from spit.capture.files import CaptureFiles, Captures
from spit.capture.tshark_files import TsharkFiles
from spit.cli import main
from spit.errors import InputError, MissingExtraError

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "captures"
START_S = 1_700_000_000
#: Said, because scapy would look for the hosts on the network.
MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")

#: Small captures of every shape: UDP, TCP with messages cut and joined, compact forms, GTP-U, gzip.
SHARED = [
    ("OISF_suricata-verify/sip-tcp.pcap", "messages"),
    ("OISF_suricata-verify/sip_compact_form.pcap", "messages"),
    ("arkime_arkime/gtp-iphone.pcap", "messages"),
    ("NormB_sipnab/sip_call.pcap", "calls"),
    ("nextcaller_sip-capture/sip-tcp.pcap", "calls"),
    ("zeek_zeek/wireshark.pcap", "calls"),
    ("javier-pastor_ptavi-p5/sip.libpcap.gz", "calls"),
]


def message(start: str, cseq: str = "1 INVITE", to_tag: str = "", body: str = "") -> bytes:
    lines = [
        start,
        "Via: SIP/2.0/TLS 192.0.2.1:5061;branch=z9hG4bK1",
        "From: <sip:+4930123456@a.example>;tag=a",
        f"To: <sip:+4989654321@b.example>{to_tag}",
        "Call-ID: call-1@a.example",
        f"CSeq: {cseq}",
        f"Content-Length: {len(body)}",
        "",
        body,
    ]
    return "\r\n".join(lines).encode()


def one_call() -> list[tuple[float, bool, bytes]]:
    """Seconds, whether the caller sends, bytes."""
    sdp = "v=0\r\no=- 1 1 IN IP4 a\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
    return [
        (0.0, True, message("INVITE sip:+4989654321@b.example SIP/2.0", body=sdp)),
        (1.0, False, message("SIP/2.0 180 Ringing", to_tag=";tag=b")),
        (3.0, False, message("SIP/2.0 200 OK", to_tag=";tag=b", body=sdp)),
        (3.1, True, message("ACK sip:b SIP/2.0", "1 ACK", ";tag=b")),
        (63.0, True, message("BYE sip:b SIP/2.0", "2 BYE", ";tag=b")),
        (63.1, False, message("SIP/2.0 200 OK", "2 BYE", ";tag=b")),
    ]


def rows(captures: Captures, what: str = "calls") -> list[dict[str, object]]:
    batches = captures.calls() if what == "calls" else captures.messages()
    return [row for batch in batches for row in batch.to_pylist()]


class TcpConversation:
    """Packets of one TCP connection; bytes are cut into segments."""

    def __init__(self, ports: tuple[int, int]) -> None:
        self._ports = ports
        self._next = [1, 1]
        self.packets: list[Packet] = []

    def send(self, at_s: float, from_caller: bool, data: bytes, segment: int = 1200) -> None:
        side = 0 if from_caller else 1
        hosts = ("192.0.2.1", "192.0.2.2")
        for at in range(0, len(data), segment):
            part = data[at : at + segment]
            packet = (
                Ether(src=MACS[0], dst=MACS[1])
                / IP(src=hosts[side], dst=hosts[1 - side])
                / TCP(
                    sport=self._ports[side],
                    dport=self._ports[1 - side],
                    seq=self._next[side],
                    ack=self._next[1 - side],
                    flags="PA",
                )
                / Raw(part)
            )
            packet.time = START_S + at_s + at * 1e-6
            self._next[side] += len(part)
            self.packets.append(packet)


def tls_session(key_log: Path) -> tuple[ssl.SSLObject, ssl.SSLObject, list[ssl.MemoryBIO]]:
    """Client and server over memory, without certificates: anonymous Diffie-Hellman, the keys in the log."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)]
    for context in contexts:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers("AECDH-AES256-SHA:@SECLEVEL=0")
    contexts[0].keylog_filename = str(key_log)
    client = contexts[0].wrap_bio(to_client, to_server)
    server = contexts[1].wrap_bio(to_server, to_client, server_side=True)
    return client, server, [to_server, to_client]


def write_tls_capture(path: Path, key_log: Path) -> None:
    client, server, wires = tls_session(key_log)
    conversation = TcpConversation((40000, 5061))

    def step(act: Callable[[], object], at_s: float, from_caller: bool) -> bool:
        """Let one side act and put what it wrote on the wire, and into the capture."""
        done = True
        try:
            act()
        except ssl.SSLWantReadError:
            done = False
        wire = wires[0 if from_caller else 1]
        written = wire.read()
        conversation.send(at_s, from_caller, written)
        wire.write(written)
        return done

    shaken = [False, False]
    for turn in range(6):
        side = turn % 2
        peer = (client, server)[side]
        shaken[side] = step(peer.do_handshake, -1 + turn / 100, side == 0)
    assert shaken == [True, True]
    for at_s, from_caller, data in one_call():
        sender, receiver = (client, server) if from_caller else (server, client)
        step(lambda sender=sender, data=data: sender.write(data), at_s, from_caller)  # type: ignore[misc]
        assert receiver.read(65536) == data
    wrpcap(str(path), conversation.packets)


def write_sctp_capture(path: Path) -> None:
    packets = []
    for tsn, (at_s, from_caller, data) in enumerate(one_call(), start=1):
        hosts, ports = ("2001:db8::1", "2001:db8::2"), (5060, 5060)
        side = 0 if from_caller else 1
        packet = (
            Ether(src=MACS[0], dst=MACS[1])
            / IPv6(src=hosts[side], dst=hosts[1 - side])
            / SCTP(sport=ports[side], dport=ports[1 - side], tag=7)
            / SCTPChunkData(data=data, tsn=tsn, stream_id=1, stream_seq=tsn, beginning=1, ending=1)
        )
        packet.time = START_S + at_s
        packets.append(packet)
    wrpcap(str(path), packets)


def write_udp_capture(path: Path, messages: Sequence[tuple[float, bool, bytes]]) -> None:
    packets = []
    for at_s, from_caller, data in messages:
        hosts = ("192.0.2.1", "192.0.2.2") if from_caller else ("192.0.2.2", "192.0.2.1")
        network = Ether(src=MACS[0], dst=MACS[1]) / IP(src=hosts[0], dst=hosts[1])
        packet = network / UDP(sport=5060, dport=5060) / Raw(data)
        packet.time = START_S + at_s
        packets.append(packet)
    wrpcap(str(path), packets)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared captures are not beside the project")
@pytest.mark.parametrize(("name", "what"), SHARED)
def test_rows_are_those_of_the_native_decoder(name: str, what: str) -> None:
    native, dissected = CaptureFiles([str(CORPUS / name)]), TsharkFiles([str(CORPUS / name)])
    expected = rows(native, what)
    assert expected
    found = rows(dissected, what)
    for row in [*expected, *found]:
        # What is odd about the packet around a message, such as bytes cut off, tshark does not pass on.
        row.pop("anomalies", None)
    assert found == expected
    assert dissected.damages() == []


def test_tls_with_a_key_log(tmp_path: Path) -> None:
    capture, key_log = tmp_path / "tls.pcap", tmp_path / "keys.log"
    write_tls_capture(capture, key_log)
    found = rows(TsharkFiles([str(capture)], tls_keys=str(key_log)), "messages")
    assert [(row["method"], row["status"], row["transport"]) for row in found] == [
        ("INVITE", None, "tls"),
        (None, 180, "tls"),
        (None, 200, "tls"),
        ("ACK", None, "tls"),
        ("BYE", None, "tls"),
        (None, 200, "tls"),
    ]
    assert found[0]["source"] == "192.0.2.1:40000"
    (call,) = rows(TsharkFiles([str(capture)], tls_keys=str(key_log)))
    assert (call["transport"], call["outcome"], call["duration_s"]) == ("tls", "answered", 60.0)
    assert (call["caller"], call["media"]) == ("+4930123456", "audio")
    assert rows(TsharkFiles([str(capture)]), "messages") == []


def test_sctp(tmp_path: Path) -> None:
    capture = tmp_path / "sctp.pcap"
    write_sctp_capture(capture)
    (call,) = rows(TsharkFiles([str(capture)]))
    assert (call["transport"], call["outcome"], call["source_ip"]) == ("sctp", "answered", "2001:db8::1")
    assert (call["ring_time_s"], call["duration_s"]) == (2.0, 60.0)


def test_messages_cut_and_joined_by_tcp_keep_their_bytes(tmp_path: Path) -> None:
    capture = tmp_path / "tcp.pcap"
    conversation = TcpConversation((40000, 5060))
    call = one_call()
    conversation.send(0.0, True, call[0][2], segment=100)
    conversation.send(3.0, False, call[1][2] + call[2][2])
    conversation.send(63.0, True, call[3][2] + call[4][2])
    wrpcap(str(capture), conversation.packets)
    native = rows(CaptureFiles([str(capture)]), "messages")
    assert len(native) == 5
    assert rows(TsharkFiles([str(capture)]), "messages") == native


def test_several_files_are_one_stream_in_time_order(tmp_path: Path) -> None:
    paths = [str(tmp_path / name) for name in ("odd.pcap", "even.pcap")]
    call = one_call()
    write_udp_capture(Path(paths[0]), call[1::2])
    write_udp_capture(Path(paths[1]), call[0::2])
    found = rows(TsharkFiles(paths))
    assert found == rows(CaptureFiles(paths))
    assert [row["outcome"] for row in found] == ["answered"]


def test_a_call_goes_on_until_the_last_packet_whatever_it_is(tmp_path: Path) -> None:
    capture = tmp_path / "unfinished.pcap"
    rtp = (100.0, True, struct.pack("!BBHII", 0x80, 0, 1, 1, 1) + bytes(160))
    write_udp_capture(capture, [*one_call()[:4], rtp])
    (call,) = rows(TsharkFiles([str(capture)]))
    assert (call["duration_s"], call["duration_censored"]) == (97.0, True)
    assert [call] == rows(CaptureFiles([str(capture)]))


def test_damage_keeps_the_rows_before_it(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    whole, cut = tmp_path / "whole.pcap", tmp_path / "cut.pcap"
    write_udp_capture(whole, one_call())
    cut.write_bytes(whole.read_bytes()[:-20])
    assert main(["messages", "--decoder", "tshark", "--format", "jsonl", str(cut)]) == 1
    out, err = capsysbinary.readouterr()
    assert len([json.loads(line) for line in out.splitlines()]) == 5
    (line,) = err.decode().splitlines()
    assert line.startswith(f"spit: {cut}: expected a capture that tshark reads to its end, found: ")
    assert "cut short" in line


def test_csv_is_written_as_the_core_writes_it(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    capture = tmp_path / "call.pcap"
    quoted = one_call()
    quoted[0] = (0.0, True, quoted[0][2].replace(b"\r\nCall-ID", b'\r\nUser-Agent: a "b", c\r\nCall-ID'))
    write_udp_capture(capture, quoted)
    written = []
    for decoder in ("native", "tshark"):
        assert main(["calls", "--format", "csv", "--decoder", decoder, str(capture)]) == 0
        written.append(capsysbinary.readouterr().out)
    assert written[0] == written[1]
    assert written[0].count(b"\n") == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["--decoder", "tshark", "missing.pcap"], 1, "missing.pcap"),
        (["--decoder", "tshark", "-"], 1, "standard input (-): expected files"),
        (["--decoder", "tshark", "--tls-keys", "none.log", "x.pcap"], 1, "none.log: No such file"),
        (["--tls-keys", "none.log", "x.pcap"], 2, "--tls-keys needs --decoder tshark"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calls", *arguments]) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda _: None)
        with pytest.raises(MissingExtraError, match=r"'spit score' needs the package pyshark"):
            TsharkFiles([], command="score")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match="expected tshark on the PATH, found none"):
        TsharkFiles([])
