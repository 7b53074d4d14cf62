"""Renders docs/ablation.md from the shipped bundle: ``python -m spit.engine.ablation_document [BUNDLE]``."""

from __future__ import annotations

import sys
from pathlib import Path

from spit.engine.ablation import render_markdown
from spit.model.bundle import read_bundle_info, resolve_bundle_path


def render_bundle(path: Path | None = None) -> str:
    """The document of the bundle in ``path``; of the shipped one when None.

    Raises ModelError, ConfigError.
    """
    info = read_bundle_info(resolve_bundle_path(path, {}))
    return render_markdown(info.metrics.get("ablation", {}), info.full_name)


if __name__ == "__main__":
    sys.stdout.write(render_bundle(Path(sys.argv[1]) if len(sys.argv) > 1 else None))
