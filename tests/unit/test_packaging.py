"""What is installed without a checkout: the wheel brings the shipped model, units and locks fit."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

import spit
from spit.model.bundle import shipped_models

ROOT = Path(__file__).parents[2]


def test_the_wheel_brings_every_file_of_the_newest_model() -> None:
    data = ROOT / tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["maturin"]["data"] / "data"
    (newest,) = (ROOT / line.split(":=")[1].strip() for line in _makefile() if line.startswith("MODEL :="))
    brought = {
        path.relative_to(data / "share" / "spit"): path.read_bytes()
        for path in data.rglob("*")
        if path.is_file()
    }
    expected = {path.relative_to(ROOT): path.read_bytes() for path in newest.iterdir()}
    assert brought == expected


def test_without_a_checkout_the_environment_has_the_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(spit, "__file__", str(tmp_path / "lib" / "spit" / "__init__.py"))
    (tmp_path / "lib" / "models").mkdir(parents=True)  # of somebody else
    assert shipped_models() == tmp_path / "share" / "spit" / "models"


def _makefile() -> list[str]:
    return (ROOT / "Makefile").read_text().splitlines()
