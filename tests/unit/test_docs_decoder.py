"""The lists of anomalies and counters in the docs are those of the code."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from spit import _core
from spit.engine import capture_metrics
from spit.export import metrics

DOCS = Path(__file__).parents[2] / "docs"


def rows(page: str, heading: str) -> list[tuple[str, str]]:
    text = (DOCS / page).read_text().split(heading, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE)


def test_every_anomaly_is_documented_with_the_meaning_in_the_code() -> None:
    assert rows("tracking.md", "## Anomalies") == _core.anomalies()


def test_every_counter_is_documented() -> None:
    documented = [name for name, _ in rows("counters.md", "# Counters")]
    assert documented == list(_core.CaptureReader([]).counters())


def test_the_meanings_on_the_metrics_pages_are_those_of_the_document() -> None:
    """A counter that is not among them points to the document."""
    documented = {
        name: words
        for heading in ("# Counters", "## Live capture", "## In the agent")
        for name, words in rows("counters.md", heading)
    }
    assert {name: documented.get(name) for name in capture_metrics.MEANINGS} == capture_metrics.MEANINGS
    assert dict(rows("counters.md", "## Delivery")) == metrics.MEANINGS


@pytest.mark.skipif(sys.platform != "linux", reason="live capture needs Linux")
def test_every_counter_of_live_capture_is_documented() -> None:
    live = [name for name, _ in rows("counters.md", "## Live capture")]
    decoder = [name for name, _ in rows("counters.md", "# Counters")]
    assert live + decoder == list(_core.LiveReader(hep=["udp:127.0.0.1:0"]).counters())
