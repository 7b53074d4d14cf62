"""What docs say of the redirect server is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

from spit.config import RedirectConfig
from spit.enforce.redirect.counters import LEVELS, MEANINGS
from spit.enforce.redirect.profile import load_profile, read_rows, shipped_profiles
from spit.enforce.redirect.request import SUPPORTED_OPTIONS
from spit.enforce.redirect.service import scorer_ask
from spit.enforce.redirect.user_agent_server import UserAgentServer
from spit.engine.redirect_metrics import redirect_samples

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "redirect.md").read_text()


def test_every_counter_is_documented_and_counted() -> None:
    text = (DOCS / "counters.md").read_text().split("## SIP redirect", 1)[1].split("\n## ", 1)[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE)) == MEANINGS
    assert re.findall(r"`spit_redirect_([a-z_]+)`", text) == list(LEVELS)
    core: UserAgentServer[str] = UserAgentServer(
        load_profile("clearip", contact=""), peers=[], tag_key=b"k" * 32, max_transactions=1
    )
    counted = {**core.counters(), **scorer_ask(RedirectConfig(scorer="http://127.0.0.1:1"), "").counters()}
    assert set(counted) == set(MEANINGS)
    names = [sample.name for sample in redirect_samples(counted, core.levels())]
    assert "spit_redirect_invites_total" in names
    assert "spit_redirect_transactions" in names


def test_every_shipped_profile_is_in_the_table() -> None:
    assert sorted(re.findall(r"^\| `(\w+)` \| \d{3} \|", PAGE, re.MULTILINE)) == shipped_profiles()


def test_the_example_of_a_profile_is_one() -> None:
    import tomllib

    examples = re.findall(r"```toml\n(\[clean\].*?)```", PAGE, re.DOTALL)
    assert len(examples) == 1
    rows = read_rows(tomllib.loads(examples[0]), "redirect.md")
    assert set(rows) == {"clean", "suspect", "spam", "divert", "drop"}


def test_the_options_that_are_taken_are_named() -> None:
    assert all(option in PAGE for option in SUPPORTED_OPTIONS)
