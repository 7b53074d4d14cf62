"""Makes the captures of this directory again, byte for byte, from the seeds of their scenarios.

Run it from the root of the project: ``python captures/make.py [NAME ...]``.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from spit.simulate.labels import write_labels
from spit.simulate.pcap import write_capture
from spit.simulate.scenario import scenario
from spit.simulate.traffic import simulate

#: Scenario of each capture; those larger than some 300 KB are compressed.
CAPTURES = ("demo", "legitimate", "telemarketer", "rotating", "wangiri", "sequential")
COMPRESSED = {"demo"}


def make(name: str, directory: Path) -> Path:
    """Writes ``name.pcap`` or ``name.pcap.gz`` and ``name.labels.csv``; returns the capture's path."""
    plan = simulate(scenario(name))
    write_labels(plan, directory / f"{name}.labels.csv")
    path = directory / f"{name}.pcap"
    write_capture(plan, path)
    if name not in COMPRESSED:
        return path
    packed = directory / f"{name}.pcap.gz"
    # No time and no file name in the header: the same packets give the same bytes.
    with packed.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as stream:
        stream.write(path.read_bytes())
    path.unlink()
    return packed


def main(names: list[str]) -> int:
    """Makes the named captures, or all."""
    unknown = sorted(set(names) - set(CAPTURES))
    if unknown:
        sys.stderr.write(f"make.py: no such capture: {', '.join(unknown)}; there are {', '.join(CAPTURES)}\n")
        return 2
    for name in names or CAPTURES:
        path = make(name, Path(__file__).parent)
        sys.stderr.write(f"{path.name}: {path.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
