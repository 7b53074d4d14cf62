"""Writes the traffic and the labels of one seed, and says what is in it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .campaign_kinds import KINDS
from .simulation import Summary, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m second_opinion", description=__doc__)
    parser.add_argument("seed", type=int, help="1 to 3 have been looked at; 11 to 13 are measured")
    parser.add_argument("capture", type=Path, help="pcap file to write")
    parser.add_argument("labels", type=Path, help="CSV file to write: call_id,label,campaign,kind,strength")
    parser.add_argument(
        "--size", type=float, default=1.0, help="1 (default) is some 60,000 calls; less is fewer"
    )
    arguments = parser.parse_args()
    try:
        summary = simulate(arguments.seed, arguments.capture, arguments.labels, arguments.size)
    except (OSError, ValueError) as error:
        print(f"second_opinion: {error}", file=sys.stderr)
        return 1
    print(_described(arguments.seed, summary))
    return 0


def _described(seed: int, summary: Summary) -> str:
    calls = summary.calls.total()
    lines = [
        f"seed {seed}: {calls} calls, {summary.spam_calls / calls:.3f} of them spam, "
        f"{summary.frames} frames, {summary.call_ids} Call-IDs"
    ]
    for kind, strength in sorted(summary.calls):
        count = summary.calls[kind, strength]
        answered = summary.answered[kind, strength] / count
        lines.append(
            f"  {kind:24} {strength:9} calls {count:6} answered {answered:.2f} "
            f"callers of the kind {len(summary.callers[kind])}"
        )
    spam = set[str]().union(*(callers for kind, callers in summary.callers.items() if kind in KINDS))
    others = set[str]().union(*(callers for kind, callers in summary.callers.items() if kind not in KINDS))
    lines.append(f"caller numbers of legitimate calls {len(others)}, of spam calls {len(spam)}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
