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


def rows(page: str, heading: str, end: str = "\0") -> list[tuple[str, str]]:
    text = (DOCS / page).read_text().split(heading, 1)[1].split(end, 1)[0]
    return re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE)


def test_every_anomaly_is_documented_with_the_meaning_in_the_code() -> None:
    assert rows("tracking.md", "## Anomalies") == _core.anomalies()


def test_every_counter_is_documented() -> None:
    documented = [name for name, _ in rows("counters.md", "# Counters", "\n## ")]
    assert documented == list(_core.CaptureReader([]).counters())


def test_the_meanings_on_the_metrics_pages_are_those_of_the_document() -> None:
    """A counter of the decoder that is not among them points there."""
    live = dict(rows("counters.md", "## Live capture", "\n## "))
    decoder = dict(rows("counters.md", "# Counters", "\n## "))
    assert {name: words for name, words in capture_metrics.MEANINGS.items() if name not in decoder} == live
    told = {name: words for name, words in decoder.items() if name in capture_metrics.MEANINGS}
    assert {name: capture_metrics.MEANINGS[name] for name in told} == told
    assert dict(rows("counters.md", "## Delivery", "\n## ")) == metrics.MEANINGS


@pytest.mark.skipif(sys.platform != "linux", reason="live capture needs Linux")
def test_every_counter_of_live_capture_is_documented() -> None:
    live = [name for name, _ in rows("counters.md", "## Live capture", "\n## ")]
    live = [name for name in live if name not in ("excluded", "events")]  # counted in Python
    decoder = [name for name, _ in rows("counters.md", "# Counters", "\n## ")]
    assert live + decoder == list(_core.LiveReader(hep=["udp:127.0.0.1:0"]).counters())
