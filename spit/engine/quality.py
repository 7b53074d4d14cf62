"""Whether a model is still as good as its committed results say (benches/results/detection.json)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spit.engine.benchmark import Tolerances, TrafficResult
from spit.engine.benchmark_report import plain


def quality_losses(found: TrafficResult, committed: Mapping[str, Any], tolerances: Tolerances) -> list[str]:
    """What fell below the committed figures by more than the tolerance, in words; empty where nothing did.

    ``committed``: ``quality`` of the results. Looks at all spam, at each strength, at all legitimate
    callers, and at which campaigns are named as one. A group or figure that is gone is a loss too.
    """
    groups = {_name(group): group for group in plain(found)["groups"] if group["kind"] == "(all)"}
    losses = []
    for before in committed["groups"]:
        if before["kind"] != "(all)":
            continue
        group = groups.get(_name(before))
        if group is None:
            losses.append(f"{_name(before)}: measured before, not any more")
            continue
        if before["label"] == "ham":
            checks = [("callers_flagged", tolerances.callers_wrongly_flagged, -1.0)]
        else:
            checks = [
                ("calls_flagged", tolerances.calls_flagged, 1.0),
                ("established_flagged", tolerances.established_flagged, 1.0),
                ("average_precision", tolerances.average_precision, 1.0),
            ]
        for figure, tolerance, better in checks:
            losses += _loss(_name(before), figure, before, group, tolerance, better)
    for figure, tolerance, better in (
        ("campaigns_named", tolerances.campaigns_named, 1.0),
        ("false_members", tolerances.false_members, -1.0),
    ):
        losses += _loss("campaigns", figure, committed, plain(found), tolerance, better)
    return losses


def _loss(
    name: str,
    figure: str,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    tolerance: float,
    better: float,
) -> list[str]:
    old, new = _value(before[figure]), _value(now[figure])
    if old is None or (new is not None and better * (old - new) <= tolerance):
        return []
    shown = "nothing" if new is None else f"{new:.4f}"
    return [f"{name}: {figure}: expected {old:.4f} within {tolerance:g}, found {shown}"]


def _name(group: Mapping[str, Any]) -> str:
    return " ".join(filter(None, [group["label"], group["kind"], group["strength"]]))


def _value(estimate: list[float] | None) -> float | None:
    return None if estimate is None else estimate[0]
