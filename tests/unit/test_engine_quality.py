"""The guard of quality: falls beyond the tolerance are told, rises are not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from spit.engine.benchmark import Tolerances, TrafficDefinition, TrafficResult
from spit.engine.benchmark_report import plain
from spit.engine.detection_metrics import Group
from spit.engine.intervals import NOTHING, Estimate
from spit.engine.quality import quality_losses

TOLERANCES = Tolerances(0.03, 0.03, 0.001, 0.02, 0.05, 0.003)


def _rate(value: float) -> Estimate:
    return Estimate(value, value, value)


def _result(flagged: float, wrongly: float, precision: float = 0.9) -> TrafficResult:
    spam = Group("spam", "(all)", "", 10, 100, _rate(flagged), _rate(0.9), 5, _rate(0.9), _rate(precision),
                 NOTHING, NOTHING)  # fmt: skip
    ham = replace(spam, label="ham", callers_flagged=_rate(wrongly), average_precision=NOTHING)
    definition = TrafficDefinition("quality", "training", (1,))
    return TrafficResult(definition, 20, 200, [spam, ham], [], 0, NOTHING, [], [])


@pytest.mark.parametrize(
    ("found", "losses"),
    [
        (_result(0.9, 0.0), []),
        (_result(0.95, 0.0, 0.99), []),
        (_result(0.88, 0.0009), []),
        (_result(0.86, 0.0), ["spam (all): calls_flagged: expected 0.9000 within 0.03, found 0.8600"]),
        (_result(0.9, 0.002), ["ham (all): callers_flagged: expected 0.0000 within 0.001, found 0.0020"]),
        (
            _result(0.9, 0.0, 0.8),
            ["spam (all): average_precision: expected 0.9000 within 0.02, found 0.8000"],
        ),
    ],
)
def test_losses(found: TrafficResult, losses: list[str]) -> None:
    assert quality_losses(found, plain(_result(0.9, 0.0)), TOLERANCES) == losses


def test_a_group_that_is_gone_is_a_loss() -> None:
    found = replace(_result(0.9, 0.0), groups=[])
    assert len(quality_losses(found, plain(_result(0.9, 0.0)), TOLERANCES)) == 2


@pytest.mark.parametrize(
    ("named", "false_members", "losses"),
    [
        (0.56, 0.003, []),
        (0.54, 0.0, ["campaigns: campaigns_named: expected 0.6000 within 0.05, found 0.5400"]),
        (0.7, 0.01, ["campaigns: false_members: expected 0.0010 within 0.003, found 0.0100"]),
    ],
)
def test_campaigns_that_fall_apart_or_take_in_legitimate_callers_are_a_loss(
    named: float, false_members: float, losses: list[str]
) -> None:
    before = replace(_result(0.9, 0.0), campaigns_named=_rate(0.6), false_members=_rate(0.001))
    found = replace(before, campaigns_named=_rate(named), false_members=_rate(false_members))
    assert quality_losses(found, plain(before), TOLERANCES) == losses
