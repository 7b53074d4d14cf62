"""What every benchmark tells beside its figures: where it ran, why it could not, and where results go."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class BenchError(Exception):
    """The measurement cannot be made, or what it measured disagrees."""


def machine() -> dict[str, Any]:
    """What the numbers depend on, without names of hosts or users."""
    cpu = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": ".".join(platform.release().split(".")[:2]),
        "architecture": platform.machine(),
    }


def machine_line(host: Mapping[str, Any]) -> str:
    """``machine()`` as a line of a page."""
    return (
        f"Machine: {host['cpu']}, {host['cores']} cores, {host['memory_gib']} GiB, Linux {host['kernel']}, "
        f"{host['architecture']}."
    )


def write_results(folder: Path, name: str, report: object, page: str) -> None:
    """``name``.json and ``name``.md in ``folder``; prints the page."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(report, indent=2, allow_nan=False) + "\n")
    (folder / f"{name}.md").write_text(page)
    print(page)


def status_of(work: Callable[[], object]) -> int:
    """The exit status of a benchmark; why it could not be made goes to standard error."""
    try:
        work()
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0
