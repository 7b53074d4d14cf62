"""Captures: valid packets, coherent dialogues, the same bytes for the same seed."""

from __future__ import annotations

import csv
import gzip
import hashlib
import re
import runpy
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP, defragment
from scapy.layers.l2 import Ether
from scapy.utils import RawPcapReader

from spit.simulate.dialogue import messages
from spit.simulate.labels import write_labels
from spit.simulate.pcap import write_capture
from spit.simulate.plan import Plan
from spit.simulate.scenario import scenario
from spit.simulate.spec import CampaignKind, CampaignSpec, SimulationSpec
from spit.simulate.traffic import simulate

CAPTURES = Path(__file__).parents[2] / "captures"
#: The script is not part of the package.
make: Callable[[str, Path], Path] = runpy.run_path(str(CAPTURES / "make.py"))["make"]


@pytest.fixture(scope="module")
def plan() -> Plan:
    """Some 500 calls in which every kind of message occurs."""
    campaigns = (
        CampaignSpec(CampaignKind.WANGIRI, calls=60),
        CampaignSpec(CampaignKind.ROBOCALLER, calls=60),
    )
    return simulate(SimulationSpec(seed=5, start_time_s=1_772_445_600, duration_s=5400, campaigns=campaigns))


def header(text: str, name: str) -> str:
    """The value of the first header of this name."""
    found = re.search(rf"^{name}: (.*)\r$", text, re.MULTILINE)
    assert found, (name, text)
    return found[1]


def test_packets_have_right_lengths_and_checksums(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    seen: list[int] = []
    written = write_capture(plan, path, seen.append)
    with RawPcapReader(str(path)) as reader:
        frames = list(reader)
    assert len(frames) == written == seen[-1]
    times = [meta.sec * 1_000_000 + meta.usec for _, meta in frames]
    assert times == sorted(times)
    assert plan.start_us <= times[0]
    assert times[-1] <= plan.end_us
    packets = [Ether(raw) for raw, _ in frames]
    fragments = [p for p in packets if p[IP].flags.MF or p[IP].frag]
    whole = [p for p in packets if not p[IP].flags.MF and not p[IP].frag]
    assert len(fragments) > 1
    for packet in fragments + whole[::37]:
        claimed = packet[IP].len, packet[IP].chksum
        rebuilt = packet.copy()
        del rebuilt[IP].len, rebuilt[IP].chksum
        rebuilt = Ether(bytes(rebuilt))
        assert claimed == (rebuilt[IP].len, rebuilt[IP].chksum)
    joined = list(defragment(fragments))  # type: ignore[no-untyped-call]
    assert 0 < len(joined) == sum(p[IP].frag == 0 for p in fragments)
    for packet in joined + whole[::37]:
        claimed = packet[UDP].len, packet[UDP].chksum
        rebuilt = packet.copy()
        del rebuilt[IP].len, rebuilt[IP].chksum, rebuilt[UDP].len, rebuilt[UDP].chksum
        rebuilt = Ether(bytes(rebuilt))
        assert claimed == (rebuilt[UDP].len, rebuilt[UDP].chksum)


def test_dialogues_are_coherent(plan: Plan) -> None:
    by_call: dict[str, list[str]] = defaultdict(list)
    for payload in (m.payload for m in messages(plan)):
        text = payload.decode()
        head, _, body = text.partition("\r\n\r\n")
        assert int(header(head + "\r\n", "Content-Length")) == len(body)
        by_call[header(text, "Call-ID")].append(text)
    assert set(by_call) == set(plan.call_ids)
    cancels = challenges = byes = 0
    for texts in by_call.values():
        invites = [t for t in texts if t.startswith("INVITE")]
        assert len({header(t, "From") for t in invites}) == 1
        assert all(";tag=" not in header(t, "To") for t in invites)
        last = invites[-1]
        for text in texts:
            method = header(text, "CSeq").split()[1]
            if text.startswith("CANCEL"):
                cancels += 1
                assert header(text, "Via") == header(last, "Via")
                assert header(text, "CSeq").split()[0] == header(last, "CSeq").split()[0]
            if text.startswith("SIP/2.0 407"):
                challenges += 1
                assert header(text, "Via") == header(invites[0], "Via") != header(last, "Via")
            if re.match(r"SIP/2\.0 (100|180|183|200|4\d\d|[56]\d\d)", text) and method == "INVITE":
                assert header(text, "Via") in {header(t, "Via") for t in invites}
            if text.startswith("BYE"):
                byes += 1
                answer = next(
                    t for t in texts if t.startswith("SIP/2.0 200") and "INVITE" in header(t, "CSeq")
                )
                assert {header(text, "From"), header(text, "To")} == {
                    header(answer, "From"),
                    header(answer, "To"),
                }
    assert min(cancels, challenges, byes) > 10


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = []
    for run in ("one", "two"):
        path = tmp_path / f"{run}.pcap"
        write_capture(simulate(scenario("sequential", 4)), path)
        digests.append(hashlib.sha256(path.read_bytes()).hexdigest())
    assert digests[0] == digests[1]


def test_labels_are_csv(plan: Plan, tmp_path: Path) -> None:
    write_labels(plan, tmp_path / "calls.csv")
    write_labels(plan, tmp_path / "callers.csv", by_caller=True)
    with (tmp_path / "calls.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["call_id"] for row in rows] == plan.call_ids
    assert {row["campaign"] for row in rows if row["label"] == "spam"} == {"wangiri-1", "robocaller-1"}
    with (tmp_path / "callers.csv").open(newline="") as file:
        callers = list(csv.DictReader(file))
    assert list(callers[0]) == ["caller", "label", "campaign", "kind", "strength"]
    assert callers[0]["caller"].startswith("+1")


@pytest.mark.parametrize("name", ["wangiri", "legitimate"])
def test_committed_captures_come_from_their_script(name: str, tmp_path: Path) -> None:
    made = make(name, tmp_path)
    assert made.read_bytes() == (CAPTURES / made.name).read_bytes()
    labels = f"{name}.labels.csv"
    assert (tmp_path / labels).read_bytes() == (CAPTURES / labels).read_bytes()
    assert made.stat().st_size <= 300_000


def test_the_demo_capture_is_reproducible_and_small(tmp_path: Path) -> None:
    made = make("demo", tmp_path)
    committed = CAPTURES / made.name
    # Compare what is inside: zlib builds differ in how they compress.
    packets = gzip.decompress(made.read_bytes())
    assert packets == gzip.decompress(committed.read_bytes())
    assert len(packets) < 12_000_000
    assert made.read_bytes()[4:8] == b"\x00\x00\x00\x00"
