"""The systemd units start what exists, with the privileges that it takes and no others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spit.cli.parser import build_parser

UNITS = sorted((Path(__file__).parents[2] / "packaging" / "systemd").glob("*.service"))
PROGRAM = "/opt/spit/bin/spit"


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in unit.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def startable(unit: Path, folder: Path) -> Path:
    """The unit with a program that is on this machine."""
    copy = folder / unit.name
    copy.write_text(unit.read_text().replace(PROGRAM, sys.executable))
    return copy


@pytest.fixture
def systemd_analyze() -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    return program


def test_there_are_two() -> None:
    assert [unit.name for unit in UNITS] == ["spit-agent.service", "spit-serve.service"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_command_takes_the_flags(unit: Path) -> None:
    (command,) = settings(unit)["ExecStart"]
    program, *argv = command.split()
    assert program == PROGRAM
    assert build_parser().parse_args(argv).command == argv[0]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_privileges(unit: Path) -> None:
    found = settings(unit)
    captures = unit.name == "spit-agent.service"
    assert found["CapabilityBoundingSet"] == (["CAP_NET_RAW"] if captures else [""])
    assert found.get("AmbientCapabilities") == (["CAP_NET_RAW"] if captures else None)
    assert ("AF_PACKET" in found["RestrictAddressFamilies"][0]) == captures
    for name, value in (
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("MemoryDenyWriteExecute", "yes"),
    ):
        assert found[name] == [value]
    # What a unit may write to is the folder that systemd makes for it.
    (state,) = found["StateDirectory"]
    assert f"%S/{state}" in found["ExecStart"][0]
    assert "ReadWritePaths" not in found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_no_mistake(unit: Path, tmp_path: Path, systemd_analyze: str) -> None:
    run = subprocess.run(
        [systemd_analyze, "verify", "--man=no", str(startable(unit, tmp_path))],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Failed to initialize manager" in run.stderr or "Read-only file system" in run.stderr:
        pytest.skip(f"systemd-analyze cannot run here: {run.stderr.strip()}")
    assert (run.returncode, run.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_rates_the_exposure_low(unit: Path, tmp_path: Path, systemd_analyze: str) -> None:
    path = str(startable(unit, tmp_path))
    # In tenths of its points, of which 100 is an unprotected service.
    run = subprocess.run(
        [systemd_analyze, "security", "--offline=true", "--threshold=25", path],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in run.stderr:
        pytest.skip("this systemd-analyze cannot rate units that are not installed")
    assert run.returncode == 0, run.stdout.splitlines()[-1:]
