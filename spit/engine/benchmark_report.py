"""A benchmark's results as JSON and as Markdown. docs/evaluation.md says how to read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from spit.engine.benchmark import BaselineResult, Benchmark, TrafficResult
from spit.engine.benchmark_run import BenchmarkResult
from spit.engine.detection_metrics import ESTABLISHED_CALLS, Group, OperatingPoint
from spit.engine.evaluation import SIMULATED_NOTE
from spit.engine.intervals import Estimate
from spit.engine.leave_one_out import LeftOut
from spit.engine.trade_off import MOST_OF_A_KIND, STRENGTHS, TradeOff


def to_json(result: BenchmarkResult) -> str:
    """One JSON object; figures with their intervals as ``[value, low, high]``, null where not measured."""
    document = {
        "benchmark": result.benchmark.name,
        "budget": result.benchmark.budget,
        "model": result.model,
        "note": SIMULATED_NOTE,
        "traffic": [plain(one) for one in result.traffic],
        "left_out": [plain(one) for one in result.left_out],
        "quality": None if result.quality is None else plain(result.quality),
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def to_markdown(result: BenchmarkResult, *, heading: str = "#") -> str:
    """The tables that people read. ``heading``: the level to begin at."""
    lines = [
        f"{heading} Benchmark {result.benchmark.name}: {result.model}",
        "",
        SIMULATED_NOTE,
        "",
        "In brackets: 95 % intervals. What each column means: docs/evaluation.md.",
        "",
    ]
    for one in result.traffic:
        lines += _traffic(one, result.benchmark, heading + "#")
    if result.left_out:
        lines += _left_out(result.left_out, heading + "#")
    return "\n".join(lines)


def _traffic(one: TrafficResult, benchmark: Benchmark, heading: str) -> list[str]:
    seeds = one.traffic.seeds
    lines = [
        f"{heading} Traffic {one.traffic.name}",
        "",
        f"Scenario `{one.traffic.scenario}`, seeds {seeds[0]} to {seeds[-1]}: {one.callers} callers, "
        f"{one.calls} calls.",
        "",
        f"{heading}# With the default policy, by kind of caller",
        "",
        *_table(
            [
                "label", "kind", "strength", "callers", "calls", "calls flagged at the attempt",
                "callers ever flagged", f"of those with >= {ESTABLISHED_CALLS} calls", "AUC-PR",
                "calls before detection, median", "95th percentile",
            ],
            (_group_cells(group) for group in one.groups),
        ),
    ]  # fmt: skip
    if one.campaigns_named.value is not None:
        lines += [
            f"Rotating campaigns named as one: {_percent(one.campaigns_named)} of {one.campaigns}. "
            f"Legitimate callers within a named campaign: {_percent(one.false_members)}.",
            "",
        ]
    lines += [
        f"{heading}# Operating curve",
        "",
        *_table(
            ["legitimate callers ever flagged", "spam calls flagged at the attempt",
             "spam callers ever flagged", f"of those with >= {ESTABLISHED_CALLS} calls"],
            (_point_cells(f"<= {point.budget:.2%}", point) for point in one.curve),
        ),
        f"{heading}# Trade-off by strength",
        "",
        f"Campaign callers with >= {ESTABLISHED_CALLS} calls that are ever flagged, and the kinds of "
        f"legitimate caller of which more than {MOST_OF_A_KIND:.1%} are.",
        "",
        *_table(
            ["legitimate callers ever flagged", *STRENGTHS, "spam calls flagged at the attempt",
             f"kinds of legitimate caller above {MOST_OF_A_KIND:.1%}"],
            (_trade_off_cells(point) for point in one.trade_offs),
        ),
    ]  # fmt: skip
    if one.comparison:
        lines += [
            f"{heading}# Beside the baselines",
            "",
            f"Thresholds are chosen on other traffic (`{benchmark.choose.scenario}`, seeds "
            f"{benchmark.choose.seeds[0]} to {benchmark.choose.seeds[-1]}) so that at most "
            f"{benchmark.budget:.2%} of the legitimate callers there are ever flagged. The last columns are "
            "each detector's own operating curve here: spam calls flagged at the attempt.",
            "",
            *_table(
                ["detector", "settings", "legitimate callers ever flagged",
                 "spam calls flagged at the attempt",
                 f"spam callers with >= {ESTABLISHED_CALLS} calls flagged",
                 *(f"at {point.budget:.2%}" for point in one.comparison[0].curve)],
                (_comparison_cells(row) for row in one.comparison),
            ),
        ]  # fmt: skip
    return lines


def _left_out(rows: Sequence[LeftOut], heading: str) -> list[str]:
    established = f"callers with >= {ESTABLISHED_CALLS} calls flagged"
    chosen, allowed = (f"{point.budget:.2%}" for point in (rows[0].chosen, rows[0].at_budget))
    return [
        f"{heading} Kinds of campaign that were left out of training",
        "",
        "For each kind a model is trained without it: neither its calls nor their traces in the state of "
        f"others were seen. The threshold is the one that flags {chosen} of the legitimate callers of "
        f"other traffic; in the last two columns that for {allowed} of those of this very traffic.",
        "",
        *_table(
            ["kind left out", "callers", established, "callers ever flagged",
             "calls flagged at the attempt", "legitimate callers ever flagged",
             f"{established}, {allowed}", f"calls flagged, {allowed}"],
            (
                [row.kind, str(row.callers), _percent(row.chosen.established_flagged),
                 _percent(row.chosen.callers_flagged), _percent(row.chosen.calls_flagged),
                 _percent(row.chosen.callers_wrongly_flagged), _percent(row.at_budget.established_flagged),
                 _percent(row.at_budget.calls_flagged)]
                for row in rows
            ),
        ),
    ]  # fmt: skip


def _group_cells(group: Group) -> list[str]:
    return [
        group.label,
        group.kind,
        group.strength,
        str(group.callers),
        str(group.calls),
        _percent(group.calls_flagged),
        _percent(group.callers_flagged),
        _percent(group.established_flagged) if group.established_callers else "-",
        _number(group.average_precision, 3),
        _number(group.calls_before_detection_median, 0),
        _number(group.calls_before_detection_p95, 0),
    ]


def _point_cells(title: str, point: OperatingPoint) -> list[str]:
    return [
        title,
        _percent(point.calls_flagged),
        _percent(point.callers_flagged),
        _percent(point.established_flagged),
    ]


def _trade_off_cells(point: TradeOff) -> list[str]:
    allowed = "no kind above" if point.budget is None else f"<= {point.budget:.2%}"
    return [
        f"{allowed}: {_percent(point.legitimate_flagged)}",
        *(_percent(point.established[s]) if s in point.established else "-" for s in STRENGTHS),
        _percent(point.calls_flagged),
        f"{len(point.kinds_above)} of {point.kinds}" + "".join(f", {kind}" for kind in point.kinds_above[:3]),
    ]


def _comparison_cells(row: BaselineResult) -> list[str]:
    return [
        row.name,
        row.settings,
        _percent(row.chosen.callers_wrongly_flagged),
        _percent(row.chosen.calls_flagged),
        _percent(row.chosen.established_flagged),
        *(_share(point.calls_flagged.value) for point in row.curve),
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _percent(estimate: Estimate) -> str:
    if estimate.value is None:
        return "-"
    return f"{_share(estimate.value)} [{_share(estimate.low)}, {_share(estimate.high)}]"


def _share(value: float | None) -> str:
    """Percent: two digits behind the point below 10 %, where wrong blocks lie."""
    if value is None:
        return "-"
    return f"{100 * value:.2f} %" if value < 0.1 else f"{100 * value:.1f} %"


def _number(estimate: Estimate, digits: int) -> str:
    if estimate.value is None:
        return "-"
    return f"{estimate.value:.{digits}f} [{estimate.low:.{digits}f}, {estimate.high:.{digits}f}]"


def plain(measured: TrafficResult | LeftOut) -> dict[str, Any]:
    """As JSON holds it."""
    document: dict[str, Any] = _plain(asdict(measured))
    return document


def _plain(value: Any) -> Any:
    """Estimates as lists, numbers rounded to what the samples carry."""
    if isinstance(value, dict):
        if set(value) == {"value", "low", "high"}:
            return None if value["value"] is None else [_plain(v) for v in value.values()]
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return round(value, 6) if isinstance(value, float) else value
