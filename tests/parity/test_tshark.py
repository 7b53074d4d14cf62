"""The decoder against tshark (through pyshark) over the shared captures: number of messages and contents."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spit import _core

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "captures"

BYE_AT_ONCE = "a BYE is repeated after 24 µs with identification 0: not to be told from a mirror's duplicate"

#: Files in which the number of messages differs: (ours, tshark's, why).
DIFFERENT: dict[str, tuple[int, int, str]] = {
    "CESNET_ipfixprobe/sip.pcap": (40, 45, "5 ICMP errors quote SIP requests; a quotation is no message"),
    "NormB_sipnab/c07-sip-r2.cap": (0, 12, "a Microsoft Network Monitor file, neither pcap nor pcapng"),
    "javier-pastor_ptavi-p5/sip.cap": (24, 25, BYE_AT_ONCE),
    "javier-pastor_ptavi-p5/sip.libpcap.gz": (24, 25, BYE_AT_ONCE),
}

#: Fields in which a file's messages differ: tshark's reading, and why ours is another.
FIELDS_DIFFERENT: dict[str, dict[str, str]] = {
    "arkime_arkime/gtp-iphone.pcap": dict.fromkeys(
        ("from_user", "to_user"),
        "none: the URIs are tel, whose number is the user; tshark names those of sip URIs",
    ),
}

COLUMNS = ["time", "source", "destination", "method", "status", "call_id", "cseq", "cseq_method"]
COLUMNS += ["from_user", "to_user", "from_tag", "to_tag"]


def captures() -> list[str]:
    if not CORPUS.is_dir():
        return []
    files = (path for path in CORPUS.rglob("*") if path.is_file() and path.suffix != ".csv")
    return sorted(str(path.relative_to(CORPUS)) for path in files)


def ours(path: Path) -> list[dict[str, object]]:
    reader = _core.CaptureReader([str(path)])
    rows: list[dict[str, object]] = []
    while (batch := reader.read_messages(1000)) is not None:
        rows += batch.to_pylist()
    return rows


def tsharks(path: Path) -> list[dict[str, object]]:
    # A process of its own: pyshark runs an event loop that does not live beside others.
    done = subprocess.run(
        [sys.executable, "-m", "spit.capture.tshark", str(path)], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the shared captures are not beside the project")
def test_the_list_of_differences_names_files_that_exist() -> None:
    assert set(DIFFERENT) | set(FIELDS_DIFFERENT) <= set(captures())


@pytest.mark.skipif(not captures(), reason="the shared captures are not beside the project")
@pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")
@pytest.mark.parametrize("name", captures() or ["none"])
def test_messages_are_tsharks(name: str) -> None:
    mine, theirs = ours(CORPUS / name), tsharks(CORPUS / name)
    expected = DIFFERENT.get(name)
    if expected is not None:
        assert (len(mine), len(theirs)) == expected[:2], expected[2]
        return
    assert len(mine) == len(theirs)
    differing = {
        column
        for one, other in zip(mine, theirs, strict=True)
        for column in COLUMNS
        if one[column] != other[column]
    }
    assert differing == set(FIELDS_DIFFERENT.get(name, {}))
