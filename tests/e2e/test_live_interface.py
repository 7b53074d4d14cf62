"""Live capture from interfaces: the ring gives what the file gives, the filter keeps the rest away."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest
from live_network import (
    DEMO,
    ROOT,
    cable,
    ethernet_ipv4,
    ethernet_udp,
    frames_of,
    in_own_network,
    invite,
    needs_root,
    read_until,
    wait_until,
)

from spit import _core

pytestmark = [pytest.mark.e2e, needs_root]

# Sent within seconds, calls hours apart in the capture are neither legs nor duplicates of each other.
SETTINGS: dict[str, object] = {"leg_join_window_s": 0.0, "duplicate_window_us": 0}
LIVE: dict[str, object] = {"workers": 1, "ring_mib": 8}
FIELDS = ("event", "call_id", "caller", "callee", "source_ip", "destination_ip", "transport", "fingerprint")
RTP = b"\x80\x00\x00\x01" + bytes(160)


def facts(rows: list[dict[str, object]], kinds: set[str]) -> Counter[tuple[object, ...]]:
    return Counter(tuple(row[name] for name in FIELDS) for row in rows if row["event"] in kinds)


def demo_from_file() -> tuple[list[dict[str, object]], int]:
    reader = _core.CaptureReader([str(DEMO)], SETTINGS)
    rows = []
    while (batch := reader.read_events(10_000)) is not None:
        rows += batch.to_pylist()
    return rows, reader.counters()["messages"]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_ring_gives_the_calls_that_the_file_gives(workers: int) -> None:
    wanted, messages = demo_from_file()

    def body() -> tuple[list[dict[str, object]], dict[str, int]]:
        reader = _core.LiveReader(
            interfaces=["near"], settings=SETTINGS, live={**LIVE, "workers": workers, "ring_mib": 64}
        )
        reader.start()
        with cable() as sender:
            for frame in frames_of(DEMO):
                sender.send(frame)
        rows = read_until(reader, lambda: reader.counters()["messages"] >= messages)
        return rows, reader.counters()

    rows, counters = in_own_network(body)
    for kind in ("attempt", "answer"):
        assert facts(rows, {kind}) == facts(wanted, {kind})
    # An end that only time brings has not come yet; every other one has.
    late = facts(wanted, {"end"}) - facts(rows, {"end"})
    assert facts(rows, {"end"}) <= facts(wanted, {"end"})
    by_time = {"incomplete", "timeout"}
    ended_late = [row for row in wanted if row["event"] == "end" and tuple(row[n] for n in FIELDS) in late]
    assert all(row["outcome"] in by_time or row["duration_censored"] for row in ended_late)
    assert len(facts(rows, {"end"})) > 1000
    assert counters["messages"] == messages
    assert counters["packets"] == counters["kernel_received"]
    dropped = [counters[f"{where}_dropped"] for where in ("kernel", "ring", "queue")]
    assert dropped == [0, 0, 0]


def capture(
    frames: list[bytes], messages: int, *, interface: str = "near", over: str = "far", **live: object
) -> tuple[set[object], dict[str, int]]:
    """Sends frames; the Call-IDs of the attempts, and the counters, when so many messages were seen."""

    def body() -> tuple[set[object], dict[str, int]]:
        reader = _core.LiveReader(interfaces=[interface], settings=SETTINGS, live={**LIVE, **live})
        reader.start()
        with cable(over) as sender:
            for frame in frames:
                sender.send(frame)
        rows = read_until(reader, lambda: reader.counters()["messages"] >= messages)
        return {row["call_id"] for row in rows if row["event"] == "attempt"}, reader.counters()

    return in_own_network(body)


def test_rtp_is_dropped_in_the_kernel_and_all_passes_where_it_is_asked_for() -> None:
    def datagram(payload: bytes, number: int) -> bytes:
        source, destination = "192.0.2.1:30000", "192.0.2.2:30002"
        return ethernet_udp(payload, source=source, destination=destination, identification=number)

    # The INVITE comes last: when it has been seen, whatever passed before it has been counted.
    frames = [datagram(RTP, number) for number in range(200)] + [datagram(invite("one"), 200)]
    seen, counters = capture(frames, 1)
    assert (seen, counters["kernel_received"]) == ({"one"}, 1)
    seen, counters = capture(frames, 1, filter="all")
    assert (seen, counters["not_sip"]) == ({"one"}, 200)


@pytest.mark.parametrize("workers", [1, 2])
def test_fragments_pass_and_come_together_in_one_worker(workers: int) -> None:
    frames, calls = [], {f"fragmented-{number}" for number in range(50)}
    for number, call_id in enumerate(sorted(calls)):
        source_ip = f"192.0.2.{number + 1}"
        source = f"{source_ip}:5060"
        whole = ethernet_udp(invite(call_id, padding=3000), source=source, destination="198.51.100.1:5060")
        datagram = whole[34:]
        pieces = [datagram[at : at + 1480] for at in range(0, len(datagram), 1480)]
        for at, piece in enumerate(pieces):
            more = 0x2000 if at + 1 < len(pieces) else 0
            frames.append(ethernet_ipv4(piece, source_ip, "198.51.100.1", number, more | at * 185))
    seen, counters = capture(frames, len(calls), workers=workers)
    assert seen == calls
    assert counters["fragments_reassembled"] == len(calls)
    assert counters["kernel_received"] == len(frames)


def test_excluded_addresses_are_not_seen() -> None:
    frames = [
        ethernet_udp(invite("to-it"), source="192.0.2.1:5060", destination="192.0.2.2:9060"),
        ethernet_udp(invite("from-it"), source="192.0.2.2:9060", destination="192.0.2.1:5060"),
        ethernet_udp(invite("another"), source="192.0.2.1:9060", destination="192.0.2.2:5060"),
    ]
    seen, counters = capture(frames, 1, exclude=["192.0.2.2:9060"])
    assert (seen, counters["kernel_received"]) == ({"another"}, 1)


def test_the_loopback_interface_shows_each_datagram_once() -> None:
    frame = ethernet_udp(invite("once"), source="127.0.0.1:5060", destination="127.0.0.1:5062")
    last = ethernet_udp(invite("last"), source="127.0.0.1:5060", destination="127.0.0.1:5062")
    seen, counters = capture([frame, last], 2, interface="lo", over="lo")
    assert (seen, counters["kernel_received"]) == ({"once", "last"}, 2)


def test_a_full_queue_sheds_and_the_newest_messages_are_still_tracked() -> None:
    def body() -> tuple[set[object], dict[str, int]]:
        reader = _core.LiveReader(
            interfaces=["near"], settings=SETTINGS, live={**LIVE, "queue_messages": 100}
        )
        reader.start()
        with cable() as sender:
            for number in range(2000):
                source = f"192.0.2.1:{10_000 + number}"
                sender.send(ethernet_udp(invite(f"{number}"), source=source, destination="192.0.2.2:5060"))
            # Nobody reads meanwhile.
            wait_until(reader, lambda: reader.counters()["messages"] >= 2000)
            rows = read_until(reader, lambda: True)
        return {row["call_id"] for row in rows if row["event"] == "attempt"}, reader.counters()

    seen, counters = in_own_network(body)
    assert "1999" in seen
    assert "0" not in seen
    assert counters["queue_dropped"] + len(seen) == 2000
    assert len(seen) <= 100


def test_interfaces_that_are_not_there_or_down_are_told() -> None:
    def body() -> tuple[str, str]:
        with pytest.raises(FileNotFoundError) as missing:
            _core.LiveReader(interfaces=["eth77"])
        subprocess.run(["ip", "link", "set", "near", "down"], check=True)
        with pytest.raises(OSError, match="down") as down:
            _core.LiveReader(interfaces=["near"])
        return str(missing.value), str(down.value)

    missing, down = in_own_network(body)
    assert '"eth77"' in missing
    assert "far" in missing
    assert "ip link set near up" in down


AS_NOBODY = """
import os
from spit import _core
reader = _core.LiveReader(interfaces=["lo"], live={"workers": 2, "ring_mib": 1})
_core.drop_privileges("nobody")
assert os.getresuid() == (os.getuid(),) * 3 and os.getuid() != 0 and os.getgroups() == [os.getgid()]
try:
    os.setuid(0)
except PermissionError:
    print("stays nobody")
try:
    _core.LiveReader(interfaces=["lo"])
except PermissionError as error:
    print(error)
reader.start()
reader.stop()
while not reader.ended:
    reader.read_events(1, 0.1)
print("captured")
"""


def test_privileges_are_dropped_for_good_and_capture_goes_on_without() -> None:
    program = subprocess.run(
        [sys.executable, "-c", AS_NOBODY],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert program.returncode == 0, program.stderr
    stays, refused, captured = program.stdout.splitlines()
    assert (stays, captured) == ("stays nobody", "captured")
    assert "CAP_NET_RAW" in refused
