"""Measures what the shipped model finds, on the committed benchmark definition (docs/evaluation.md).

Traffic is made again from the seeds of detection.toml. Writes results/detection.json and detection.md there;
tests/e2e/test_detection_quality.py holds later changes to them.

    python benches/detection.py --date 2026-01-31
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from decode import machine

from spit.config import PolicyConfig
from spit.engine.benchmark import read_benchmark
from spit.engine.benchmark_report import to_json, to_markdown
from spit.engine.benchmark_run import run_benchmark
from spit.engine.training import default_settings
from spit.errors import SpitError
from spit.model.bundle import resolve_bundle_path
from spit.policy.policy import Policy

HERE = Path(__file__).resolve().parent
PARTS = ("traffic", "baselines", "leave-one-out", "quality")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--date", required=True, help="the day of the run, for the results")
    parser.add_argument("--model", type=Path, help="bundle to measure (default: the shipped one)")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder to write to")
    arguments = parser.parse_args()
    began_s = time.monotonic()
    try:
        result = run_benchmark(
            read_benchmark(HERE / "detection.toml"),
            resolve_bundle_path(arguments.model, {}),
            Policy(PolicyConfig()),
            PARTS,
            settings=default_settings(),
            progress=lambda text: print(text, file=sys.stderr),
        )
    except SpitError as error:
        print(f"detection.py: {error}", file=sys.stderr)
        return 1
    run = {
        "date": arguments.date,
        "minutes": round((time.monotonic() - began_s) / 60.0, 1),
        "machine": machine(),
    }
    document = {"run": run, **json.loads(to_json(result))}
    (arguments.output / "detection.json").write_text(json.dumps(document, indent=1) + "\n")
    made = (
        f"Made by `make bench-detection` on {run['date']}: {run['minutes']} minutes on "
        f"{machine()['cores']} cores of {machine()['cpu']}.\n"
    )
    title, _, rest = to_markdown(result).partition("\n\n")
    (arguments.output / "detection.md").write_text(f"{title}\n\n{made}\n{rest}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
