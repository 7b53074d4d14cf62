"""The torture messages of RFC 4475 and those of nextcaller, in datagrams and over TCP split at every byte.

The messages are those of the shared corpus; the project holds their names and what is expected of them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from raw_capture import Row, datagram, messages, stream

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "messages"
GOLDEN = Path(__file__).parents[1] / "golden"
TORTURE: dict[str, dict[str, Any]] = tomllib.loads((GOLDEN / "rfc4475.toml").read_text())
NEXTCALLER: dict[str, dict[str, Any]] = tomllib.loads((GOLDEN / "nextcaller.toml").read_text())
DOCS = Path(__file__).parents[2] / "docs"

#: The columns that a message of the manifest gives, null where it does not.
FIELDS = ["method", "status", "call_id", "cseq", "cseq_method"]
FIELDS += ["from_user", "to_user", "from_tag", "to_tag"]
#: Anomalies of datagrams: a stream has no end at which they show.
OF_DATAGRAMS = {"short_body", "trailing_bytes", "later_in_datagram"}

needs_corpus = pytest.mark.skipif(
    not CORPUS.is_dir(), reason="the shared messages are not beside the project"
)


def fields(row: Row) -> Row:
    return {field: row.get(field) for field in FIELDS}


def names(rows: Iterable[Row]) -> list[list[object]]:
    return [[row.get("method") or row.get("status"), row.get("call_id")] for row in rows]


def torture(name: str) -> bytes:
    return (CORPUS / "rfc4475" / f"{name}.dat").read_bytes()


@needs_corpus
def test_every_torture_message_is_in_the_manifest() -> None:
    assert {path.stem for path in (CORPUS / "rfc4475").iterdir()} == set(TORTURE)


@needs_corpus
def test_every_nextcaller_message_is_in_the_manifest() -> None:
    files = {path.name for path in (CORPUS / "nextcaller").iterdir() if path.suffix != ".expected"}
    assert files == set(NEXTCALLER)


def test_the_manifest_says_why_where_an_element_has_to_refuse() -> None:
    for name, case in TORTURE.items():
        assert case["rfc"] in {"valid", "invalid", "element's choice"}, name
        assert case["rfc"] == "valid" or case["why"], name
    for name, case in NEXTCALLER.items():
        assert case["messages"] or case["why"], name


def test_the_summary_in_the_docs_counts_the_manifest() -> None:
    page = (DOCS / "robustness.md").read_text()
    for verdict in ("valid", "invalid", "element's choice"):
        cases = [case for case in TORTURE.values() if case["rfc"] == verdict]
        marked = [case for case in cases if case.get("anomalies")]
        assert re.search(rf"^\| {verdict} \| {len(cases)} \| {len(cases)} \| {len(marked)} \|", page, re.M)


@needs_corpus
@pytest.mark.parametrize("name", TORTURE)
def test_a_torture_message_in_a_datagram(name: str, tmp_path: Path) -> None:
    case = TORTURE[name]
    found = messages(tmp_path / "one.pcap", [datagram(torture(name))])
    first = found.pop(0)
    assert fields(first) == fields(case["message"])
    assert first["anomalies"] == case.get("anomalies", [])
    later = [case["later"]] if "later" in case else []
    assert names(found) == names(later)
    assert [row["anomalies"] for row in found] == [row["anomalies"] for row in later]


@needs_corpus
@pytest.mark.parametrize("name", [name for name in TORTURE if name != "inv2543"])
def test_a_torture_message_over_tcp_split_at_every_byte(name: str, tmp_path: Path) -> None:
    case, content = TORTURE[name], torture(name)
    assert re.search(rb"^(content-length|l)[ \t]*:", content, re.M | re.I), "a stream needs it"
    wanted = case.get("stream", [case["message"], *([case["later"]] if "later" in case else [])])
    whole = messages(tmp_path / "whole.pcap", stream(1, [content]))
    assert names(whole) == names(wanted)
    if wanted:
        assert fields(whole[0]) == fields(case["message"])
        assert set(whole[0]["anomalies"]) == set(case.get("anomalies", [])) - OF_DATAGRAMS
    split_everywhere(content, whole, tmp_path)


@needs_corpus
@pytest.mark.parametrize("name", NEXTCALLER)
def test_a_nextcaller_message(name: str, tmp_path: Path) -> None:
    content = (CORPUS / "nextcaller" / name).read_bytes()
    if name.endswith(".stream"):
        found = messages(tmp_path / "whole.pcap", stream(1, [content]))
        split_everywhere(content, found, tmp_path)
    else:
        found = messages(tmp_path / "one.pcap", [datagram(content)])
    assert names(found) == NEXTCALLER[name]["messages"]


def split_everywhere(content: bytes, whole: list[Row], tmp_path: Path) -> None:
    """Each cut is a connection of its own, from the port of its number; all stand in one capture."""
    packets: list[bytes] = []
    for cut in range(1, len(content)):
        packets += stream(cut, [content[:cut], content[cut:]])
    by_port: dict[int, list[Row]] = {cut: [] for cut in range(1, len(content))}
    for row in messages(tmp_path / "cuts.pcap", packets):
        by_port[int(row["source"].rsplit(":", 1)[1])].append(row)
    wanted = [row | {"source": None} for row in whole]
    for cut, found in by_port.items():
        assert [row | {"source": None} for row in found] == wanted, f"cut at {cut}"
