"""Input that cannot be read to its end: the rows before the damage, one clear line, exit status 1."""

from __future__ import annotations

import gzip
import json
import random
import struct
from pathlib import Path

import pytest

from spit.cli import main

INVITE = (
    b"INVITE sip:+4989100@example.net SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK%d\r\n"
    b"From: <sip:+4930100@example.net>;tag=a%d\r\n"
    b"To: <sip:+4989100@example.net>\r\n"
    b"Call-ID: call-%d@192.0.2.1\r\n"
    b"CSeq: 1 INVITE\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def packet(number: int) -> bytes:
    payload = INVITE % (number, number, number)
    udp = struct.pack("!HHHH", 5060, 5060, 8 + len(payload), 0)
    addresses = bytes([192, 0, 2, 1, 192, 0, 2, 2])
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 28 + len(payload), number, 0, 64, 17, 0) + addresses
    frame = bytes(12) + b"\x08\x00" + ip + udp + payload
    return struct.pack("<IIII", 1_700_000_000 + number, 0, len(frame), len(frame)) + frame


HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
CAPTURE = HEADER + b"".join(packet(n) for n in range(3))

DAMAGED = {
    "truncated_in_a_packet": (CAPTURE[:-10], 2),
    "truncated_in_a_record_header": (CAPTURE[: -len(packet(2)) + 5], 2),
    "truncated_in_the_file_header": (CAPTURE[:10], 0),
    "empty": (b"", 0),
    "text": (b"this is no capture\n" * 10, 0),
    "random": (random.Random(7).randbytes(4096), 0),
    "impossible_length": (HEADER + packet(0) + struct.pack("<IIII", 0, 0, 2**31, 2**31), 1),
    "truncated_gzip": (gzip.compress(CAPTURE)[:-12], None),
    "not_really_gzip": (b"\x1f\x8b" + bytes(100), 0),
}


@pytest.mark.parametrize("command", ["messages", "calls"])
@pytest.mark.parametrize("name", list(DAMAGED))
def test_rows_up_to_the_damage(
    command: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, rows = DAMAGED[name]
    path = tmp_path / "damaged.pcap"
    path.write_bytes(data)
    assert main([command, "--format", "jsonl", str(path)]) == 1
    captured = capsys.readouterr()
    lines = [json.loads(line) for line in captured.out.splitlines()]
    if rows is not None:
        assert [line["call_id"] for line in lines] == [f"call-{n}@192.0.2.1" for n in range(rows)]
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("spit: ")
    assert "damaged.pcap" in captured.err
    assert "Traceback" not in captured.err


def test_a_whole_capture_is_no_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "whole.pcap"
    path.write_bytes(CAPTURE)
    assert main(["messages", "--format", "jsonl", str(path)]) == 0
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert captured.err == ""


@pytest.mark.parametrize("command", ["messages", "calls"])
def test_a_missing_file_is_named_and_the_others_are_read(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, missing = tmp_path / "whole.pcap", tmp_path / "missing.pcap"
    whole.write_bytes(CAPTURE)
    assert main([command, "--format", "jsonl", str(missing), str(whole)]) == 1
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 3
    assert captured.err.count("\n") == 1
    assert "missing.pcap" in captured.err


def test_damage_still_leaves_the_output_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = tmp_path / "damaged.pcap", tmp_path / "rows.csv"
    path.write_bytes(CAPTURE[:-10])
    assert main(["messages", "--format", "csv", "--output", str(output), str(path)]) == 1
    assert len(output.read_text().splitlines()) == 3
    assert capsys.readouterr().out == ""


def test_standard_input_can_be_named_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["messages", "-", "-"]) == 1
    assert "standard input (-) was named more than once" in capsys.readouterr().err
