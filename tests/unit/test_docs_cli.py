"""docs/cli.md names exactly the flags that the parser takes."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pytest

from spit.cli.flags.values import FORMATS
from spit.cli.parser import build_parser

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def subparsers() -> dict[str, argparse.ArgumentParser]:
    for action in build_parser()._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    raise AssertionError("the parser has no commands")


def sections() -> dict[str, str]:
    parts = re.split(r"^## spit ([\w-]+)\n", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_a_section() -> None:
    assert list(sections()) == list(subparsers())


@pytest.mark.parametrize("command", list(subparsers()))
def test_the_tables_list_the_flags(command: str) -> None:
    documented = set()
    for line in sections()[command].splitlines():
        if line.startswith("| `--"):
            documented |= set(re.findall(r"`(--[a-z-]+)", line.split("|")[1]))
    assert documented == flags_of(subparsers()[command])


def flags_of(parser: argparse.ArgumentParser) -> set[str]:
    """Those of its actions too."""
    found = set()
    for action in parser._actions:
        found |= {one for one in action.option_strings if one.startswith("--") and one != "--help"}
        if isinstance(action, argparse._SubParsersAction):
            found = found.union(*(flags_of(one) for one in action.choices.values()))
    return found


@pytest.mark.parametrize("command", list(subparsers()))
def test_the_examples_are_accepted(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(rf"^spit ({command} [^|\n]*)", sections()[command], flags=re.MULTILINE)
    assert examples
    for example in examples:
        build_parser().parse_args(example.split())
    assert capsys.readouterr().err == ""


def test_the_formats_are_listed() -> None:
    assert (
        tuple(re.findall(r"^\| `(\w+)` \|", PAGE.split("## spit messages")[0], flags=re.MULTILINE)) == FORMATS
    )
