"""The bounds that docs/robustness.md lists are those of the code, and the fuzz targets are all described."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "robustness.md").read_text()


BOUNDS = re.findall(r"^\| (.+?) \|.*\| (.+?) \|$", PAGE.split("## Bounds", 1)[1].split("##", 1)[0], re.M)


def names(cells: Iterable[str]) -> set[str]:
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_every_bound_of_the_page_is_in_the_code() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "crates" / "spit-core" / "src").rglob("*.rs"))
    bounds = names(bound for bound, _ in BOUNDS)
    assert len(bounds) > 20
    constants = set(re.findall(r"const (\w+):", code))
    settings = set(re.findall(r"pub (max_\w+):", code))
    assert bounds <= constants | settings


def test_every_counter_of_the_page_is_documented() -> None:
    counted = names(counter for _, counter in BOUNDS)
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs" / "counters.md").read_text(), re.M))
    assert counted - {"too_many_headers"} <= known


def test_every_fuzz_target_is_described_and_run() -> None:
    targets = {binary["name"] for binary in tomllib.loads((ROOT / "fuzz" / "Cargo.toml").read_text())["bin"]}
    described = set(re.findall(r"^\| `(\w+)` \| ", PAGE.split("## Fuzzing", 1)[1], re.M))
    assert described == targets
    run = re.search(r"^FUZZ_TARGETS := (.+)$", (ROOT / "Makefile").read_text(), re.M)
    assert run is not None
    assert set(run[1].split()) == targets
    assert {path.stem for path in (ROOT / "fuzz" / "fuzz_targets").glob("*.rs")} == targets
