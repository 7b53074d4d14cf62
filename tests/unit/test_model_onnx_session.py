"""onnxruntime may not report to its makers, nor leave an identifier behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_PROGRAM = """
import os, sys
from spit.features.table import FeatureTable
from spit.model.bundle import resolve_bundle_path
assert "onnxruntime" not in sys.modules
from spit.model.onnx_session import open_session
open_session((resolve_bundle_path(None, {}) / "model.onnx").read_bytes())
assert "onnxruntime" in sys.modules
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""


def test_a_session_tells_nobody_and_writes_nothing(tmp_path: Path) -> None:
    # Without the variables by which it would be silent in CI anyway.
    plain = {
        name: os.environ[name] for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH") if name in os.environ
    }
    found = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        capture_output=True,
        text=True,
        check=True,
        env={**plain, "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)},
    )
    assert (found.stdout, found.stderr) == ("1\n", "")
    assert list(tmp_path.rglob("*")) == []
