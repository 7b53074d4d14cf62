"""docs/sbc.md quotes the shipped examples as they are, and they are whole."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sbc.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\S+)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
EXAMPLES = [path for path in (ROOT / "integrations").rglob("*") if path.is_file()]


@pytest.mark.parametrize(("source", "quoted"), [block for block in BLOCKS if block[0] != "sh"])
def test_what_is_quoted_stands_in_the_file(source: str, quoted: str) -> None:
    assert quoted in (ROOT / source).read_text("utf-8")


def test_the_page_has_no_blocks_of_another_kind() -> None:
    fences = len(re.findall(r"^```", PAGE, flags=re.MULTILINE))
    assert fences == 2 * len(BLOCKS)
    quoted = {Path(source).parent.name for source, _ in BLOCKS if source != "sh"}
    assert quoted == {path.parent.name for path in EXAMPLES}


@pytest.mark.parametrize("command", [quoted for source, quoted in BLOCKS if source == "sh"])
def test_commands_name_files_and_definitions_that_exist(command: str) -> None:
    words = shlex.split(command)
    assert words[0] in ("kamailio", "spit")
    if words[0] == "kamailio":
        assert (ROOT / words[words.index("-f") + 1]).is_file()
        shared = (ROOT / "integrations" / "kamailio" / "proxy.cfg").read_text("utf-8")
        for definition in (words[at + 1] for at, word in enumerate(words) if word == "-A"):
            assert f"#!trydef {definition.partition('=')[0]} " in shared


def test_every_example_is_named_on_the_page() -> None:
    for path in EXAMPLES:
        assert f"(../{path.relative_to(ROOT)})" in PAGE


def test_every_example_lets_emergencies_pass_unasked() -> None:
    numbers = "000|110|111|112|118|119|911|999"
    names = ("proxy.cfg", "opensips.cfg", "spit.xml", "extensions.conf")
    asking = [path for path in EXAMPLES if path.name in names]
    assert len(asking) == 4
    for path in asking:
        assert f"^({numbers})$" in path.read_text("utf-8"), path


def test_the_dialplan_of_freeswitch_is_well_formed() -> None:
    tree = ElementTree.parse(ROOT / "integrations" / "freeswitch" / "spit.xml")  # noqa: S314  ours
    contexts = {context.get("name") for context in tree.iter("context")}
    transfers = [
        action.get("data", "") for action in tree.iter("action") if action.get("application") == "transfer"
    ]
    assert transfers
    assert {transfer.split(" ")[2] for transfer in transfers} <= contexts
