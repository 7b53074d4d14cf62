"""Replay sends what was captured, at the pace asked for."""

from __future__ import annotations

import errno
import math
import struct
from pathlib import Path

import pytest

from spit.capture.replay import Frame, Sent, as_ethernet, load_frames, read_frames, replay
from spit.cli import main
from spit.errors import InputError

IP4 = bytes.fromhex("4500001c0001000040110000c0000201c0000202") + b"\x13\xc4\x13\xc4\x00\x08\x00\x00"
IP6 = b"\x60" + bytes(39)


class Wire:
    """Takes frames; fails as told."""

    def __init__(self, *failures: int) -> None:
        self.sent: list[bytes] = []
        self._failures = list(failures)

    def send(self, data: bytes, /) -> int:
        if self._failures and (number := self._failures.pop(0)):
            raise OSError(number, "told to")
        self.sent.append(data)
        return len(data)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def pcap(path: Path, link_type: int, *packets: tuple[float, bytes], magic: int = 0xA1B2C3D4) -> Path:
    fraction = 1e9 if magic == 0xA1B23C4D else 1e6
    data = struct.pack("<IHHiIII", magic, 2, 4, 0, 0, 65535, link_type)
    for time_s, packet in packets:
        parts = int(time_s), round(time_s % 1 * fraction), len(packet), len(packet)
        data += struct.pack("<IIII", *parts) + packet
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(("speed", "slept"), [(1.0, [1.0, 2.0]), (4.0, [0.25, 0.5]), (math.inf, [])])
def test_pace(speed: float, slept: list[float]) -> None:
    frames = [Frame(50.0, b"a"), Frame(51.0, b"b"), Frame(53.0, b"c"), Frame(53.0, b"d"), Frame(52.0, b"e")]
    wire, clock, sent = Wire(), Clock(), Sent()
    replay(frames, wire, sent, speed=speed, clock=clock.read, sleep=clock.sleep)
    assert wire.sent == [b"a", b"b", b"c", b"d", b"e"]
    assert clock.slept == pytest.approx(slept)
    assert (sent.packets, sent.bytes) == (5, 5)
    assert sent.seconds == pytest.approx(sum(slept))


def test_a_full_queue_is_waited_for_and_a_long_frame_is_counted() -> None:
    wire, clock, sent = Wire(errno.ENOBUFS, errno.ENOBUFS, 0, errno.EMSGSIZE), Clock(), Sent()
    frames = [Frame(0, b"a"), Frame(0, b"long"), Frame(0, b"b")]
    replay(frames, wire, sent, speed=math.inf, clock=clock.read, sleep=clock.sleep)
    assert wire.sent == [b"a", b"b"]
    assert (sent.packets, sent.too_long, len(clock.slept)) == (2, 1, 2)


def test_an_interface_that_went_away_is_raised() -> None:
    with pytest.raises(OSError, match="told to"):
        replay([Frame(0, b"a")], Wire(errno.ENETDOWN), Sent(), speed=math.inf)


@pytest.mark.parametrize(
    ("link_type", "before", "packet", "kind"),
    [
        (101, b"", IP4, b"\x08\x00"),
        (12, b"", IP6, b"\x86\xdd"),
        (228, b"", IP4, b"\x08\x00"),
        (229, b"", IP6, b"\x86\xdd"),
        (0, b"\x02\x00\x00\x00", IP4, b"\x08\x00"),
        (108, b"\x00\x00\x00\x02", IP4, b"\x08\x00"),
        (113, bytes(16), IP4, b"\x08\x00"),
        (276, bytes(20), IP6, b"\x86\xdd"),
    ],
)
def test_other_links_get_an_ethernet_header(
    link_type: int, before: bytes, packet: bytes, kind: bytes
) -> None:
    frame = as_ethernet(link_type, before + packet)
    assert frame is not None
    assert (len(frame), frame[12:14], frame[14:]) == (14 + len(packet), kind, packet)


def test_what_holds_no_ip_is_not_sent() -> None:
    assert as_ethernet(1, b"anything") == b"anything"
    assert as_ethernet(101, b"") is None
    assert as_ethernet(101, b"\x00\x01") is None
    assert as_ethernet(147, IP4) is None


@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D])
def test_times_of_pcap(tmp_path: Path, magic: int) -> None:
    path = pcap(tmp_path / "a.pcap", 101, (10.5, IP4), (11.25, b"\x00"), (12.0, IP6), magic=magic)
    sent = Sent()
    frames = list(read_frames(str(path), sent))
    assert [frame.time_s for frame in frames] == [10.5, 12.0]
    assert sent.not_ip == 1


def test_times_of_pcapng(tmp_path: Path) -> None:
    from scapy.layers.l2 import Ether
    from scapy.utils import PcapNgWriter

    path = tmp_path / "a.pcapng"
    packet = Ether(b"\x00" * 12 + b"\x08\x00" + IP4)
    with PcapNgWriter(str(path)) as writer:
        for time_s in (1_700_000_000.5, 1_700_000_002.0):
            packet.time = time_s
            writer.write(packet)
    frames = list(read_frames(str(path), Sent()))
    assert [frame.time_s for frame in frames] == pytest.approx([1_700_000_000.5, 1_700_000_002.0])
    assert frames[0].data == bytes(packet)


def test_a_file_is_given_as_often_as_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(pcap(tmp_path / "a.pcap", 101, (1.0, IP4), (2.0, IP4)))
    for bound in (2**20, 0):  # from memory, then from the file
        monkeypatch.setattr("spit.capture.replay.READ_BEFORE_BYTES", bound)
        frames = load_frames(path, Sent())
        assert [len(list(frames())), len(list(frames()))] == [2, 2]


def test_what_is_no_capture_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    for content in (b"", b"not a capture, whatever its name says"):
        path.write_bytes(content)
        with pytest.raises(InputError, match="expected a pcap or pcapng capture"):
            list(read_frames(str(path), Sent()))


@pytest.mark.parametrize("speed", ["0", "-1", "fast", "nan", "inf"])
def test_a_wrong_speed_is_a_usage_error(speed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "a.pcap", "--interface", "lo", "--speed", speed]) == 2
    assert "--speed" in capsys.readouterr().err
