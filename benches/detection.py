"""Measures what the shipped model finds, on the committed benchmark definition (docs/evaluation.md).

Traffic is made again from the seeds of detection.toml. Writes detection and leave_one_out as .json and .md to
results/; tests/e2e/test_detection_quality.py holds later changes to them.

    python benches/detection.py --date 2026-01-31
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from measured import machine

from spit.config import PolicyConfig
from spit.engine.benchmark import read_benchmark
from spit.engine.benchmark_report import to_json, to_markdown
from spit.engine.benchmark_run import run_benchmark
from spit.engine.training import default_settings
from spit.errors import SpitError
from spit.model.bundle import resolve_bundle_path
from spit.policy.policy import Policy

HERE = Path(__file__).resolve().parent
#: What each file of results holds. Leaving kinds out costs a training for each of them.
RESULTS = {"detection": ("traffic", "baselines", "quality"), "leave_one_out": ("leave-one-out",)}


def write_results(name: str, model: Path, date: str, directory: Path) -> None:
    """Measure the parts of one file of results and write it as JSON and Markdown. Raises SpitError."""
    began_s = time.monotonic()
    result = run_benchmark(
        read_benchmark(HERE / "detection.toml"),
        model,
        Policy(PolicyConfig()),
        RESULTS[name],
        settings=default_settings(),
        progress=lambda text: print(text, file=sys.stderr),
    )
    run = {"date": date, "minutes": round((time.monotonic() - began_s) / 60.0, 1), "machine": machine()}
    document = {"run": run, **json.loads(to_json(result))}
    (directory / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    made = (
        f"Made by `make bench-detection` on {date}: {run['minutes']} minutes on "
        f"{machine()['cores']} cores of {machine()['cpu']}.\n"
    )
    title, _, rest = to_markdown(result).partition("\n\n")
    (directory / f"{name}.md").write_text(f"{title}\n\n{made}\n{rest}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--date", required=True, help="the day of the run, for the results")
    parser.add_argument("--model", type=Path, help="bundle to measure (default: the shipped one)")
    parser.add_argument("--only", choices=RESULTS, help="write only these results")
    parser.add_argument("--output", type=Path, default=HERE / "results", help="folder to write to")
    arguments = parser.parse_args()
    try:
        model = resolve_bundle_path(arguments.model, {})
        for name in RESULTS:
            if arguments.only in (None, name):
                write_results(name, model, arguments.date, arguments.output)
    except SpitError as error:
        print(f"detection.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
