"""docs/counters.md and docs/records.md name what the journal and the call records have."""

from __future__ import annotations

import re
from pathlib import Path

from recorded_calls import open_records

from spit.engine.durability import journal_samples
from spit.records import CALL_SCHEMA, RECORD_SCHEMA
from spit.storage.journal import Journal

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, heading: str) -> str:
    return (DOCS / page).read_text().split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]


def test_every_metric_is_documented(tmp_path: Path) -> None:
    text = section("counters.md", "Journal and call records")
    documented = re.findall(r"^\| `(spit_\w+)` \|", text, re.MULTILINE)
    samples = [*journal_samples(Journal(tmp_path / "journal")), *open_records(tmp_path / "records").samples()]
    assert sorted(documented) == sorted(sample.name for sample in samples)


def test_the_columns_that_calls_do_not_have_are_named() -> None:
    text = section("records.md", "Columns")
    for name in set(RECORD_SCHEMA.names) - set(CALL_SCHEMA.names):
        assert f"`{name}`" in text or (name.startswith("passport_") and "`passport_*`" in text)
