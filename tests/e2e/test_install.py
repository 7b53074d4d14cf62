"""`make install`: an environment of its own that scores a capture, far from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_installation_scores_with_the_shipped_model(tmp_path: Path) -> None:
    prefix = tmp_path / "opt"
    python = Path(sys.base_prefix) / "bin" / "python3"
    installed = subprocess.run(
        ["make", "install", f"PREFIX={prefix}", f"INSTALL_PYTHON={python}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert installed.returncode == 0, installed.stderr[-4000:]
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "SPIT_"))}
    capture = ROOT / "captures" / "wangiri.pcap"
    done = subprocess.run(
        [prefix / "bin" / "spit", "score", "--format", "jsonl", capture],
        cwd=tmp_path,
        env=plain,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["model"] for row in rows} == {"baseline/5"}
    assert {row["label"] for row in rows} == {"spam", "legit"}
    units = prefix / "share" / "spit" / "systemd"
    for unit in ("spit-agent.service", "spit-serve.service"):
        assert f"ExecStart={prefix}/bin/spit " in (units / unit).read_text()
        assert (prefix / "share" / "doc" / "spit" / "install.md").is_file()
