"""The lists of anomalies and counters in the docs are those of the code."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from spit import _core

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str, heading: str) -> list[tuple[str, str]]:
    text = (DOCS / page).read_text().split(heading, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE)


def test_every_anomaly_is_documented_with_the_meaning_in_the_code() -> None:
    assert rows("tracking.md", "## Anomalies") == _core.anomalies()


def test_every_counter_is_documented() -> None:
    documented = [name for name, _ in rows("counters.md", "# Counters")]
    assert documented == list(_core.CaptureReader([]).counters())


@pytest.mark.skipif(sys.platform != "linux", reason="live capture needs Linux")
def test_every_counter_of_live_capture_is_documented() -> None:
    live = [name for name, _ in rows("counters.md", "## Live capture")]
    decoder = [name for name, _ in rows("counters.md", "# Counters")]
    assert live + decoder == list(_core.LiveReader(hep=["udp:127.0.0.1:0"]).counters())
