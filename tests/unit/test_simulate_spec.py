"""Specs and scenarios: bad values are refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from spit.errors import ConfigError
from spit.simulate.scenario import SCENARIOS, scenario
from spit.simulate.spec import CampaignKind, CampaignSpec, SimulationSpec


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"duration_s": 5}, "duration_s: expected a whole number from 60 to 7776000, found 5"),
        ({"seed": -1}, "seed: expected a whole number of at least 0, found -1"),
        ({"residential": 2.5}, "residential: expected a whole number from 0 to 2000000, found 2.5"),
        ({"pbxs": True}, "pbxs: expected a whole number"),
        ({"spam_ratio": 1.0}, "spam_ratio: expected a number from 0 to 0.95, found 1.0"),
        ({"spam_ratio": float("nan")}, "spam_ratio: expected a number"),
        ({"campaigns": ("wangiri",)}, "campaigns: expected CampaignSpec, found 'wangiri'"),
    ],
)
def test_values_out_of_range_are_named(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        SimulationSpec(**fields)
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vishing", "campaign kind: expected one of telemarketer, robocaller, wangiri, sequential"),
        ("wangiri:2", "campaign strength: expected a number from 0 to 1, found 2.0"),
        ("wangiri:", "expected KIND:STRENGTH with a number from 0 to 1, found ''"),
        ("wangiri:high", "expected KIND:STRENGTH with a number from 0 to 1, found 'high'"),
    ],
)
def test_bad_campaigns_are_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        CampaignSpec.parse(text)
    assert words in str(raised.value)


def test_campaign_text() -> None:
    assert CampaignSpec.parse("sequential:0.25") == CampaignSpec(CampaignKind.SEQUENTIAL, 0.25)
    assert CampaignSpec.parse("robocaller") == CampaignSpec(CampaignKind.ROBOCALLER)


def test_a_campaign_needs_traffic_to_take_its_share_of() -> None:
    nobody: dict[str, Any] = dict.fromkeys(
        ("residential", "new_subscribers", "businesses", "pbxs", "call_centres", "alert_blasts"), 0
    ) | {"reminders": 0, "probes": 0}
    with pytest.raises(ConfigError, match="nothing to simulate"):
        SimulationSpec(**nobody)
    with pytest.raises(ConfigError, match="give each campaign its calls"):
        SimulationSpec(**nobody, campaigns=(CampaignSpec(CampaignKind.WANGIRI),))
    SimulationSpec(**nobody, campaigns=(CampaignSpec(CampaignKind.WANGIRI, calls=5),))


def test_scenarios() -> None:
    with pytest.raises(ConfigError, match="expected one of demo, training"):
        scenario("production")
    for name in SCENARIOS:
        assert scenario(name) == scenario(name)
    assert scenario("training", 1) != scenario("training", 2)
    drawn = {c.kind for seed in range(8) for c in scenario("training", seed).campaigns}
    assert drawn == set(CampaignKind)
    assert scenario("transfer", 1).world != scenario("training", 1).world
