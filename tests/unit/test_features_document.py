from __future__ import annotations

from pathlib import Path

from spit.features.document import render_markdown


def test_the_committed_document_is_current() -> None:
    committed = Path(__file__).parents[2] / "docs" / "features.md"
    assert committed.read_text(encoding="utf-8") == render_markdown(), (
        "run: python -m spit.features.document > docs/features.md"
    )
