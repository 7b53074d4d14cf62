"""The tables that people read of what transfer.py measured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

_NOTE = (
    "Measured on simulated traffic by an author who did not know the project's simulator "
    "(benches/second_opinion). Nothing of the model was made from it; nothing may be tuned on it. It is no "
    "real traffic either. In brackets: 95 % intervals, which speak of other callers of this same traffic. "
    "docs/evaluation.md says how to read it."
)


def markdown(document: dict[str, Any]) -> str:
    """``document``: what transfer.py writes as JSON."""
    run, policy = document["run"], document["default_policy"]
    learned = document["default_policy_after_train"]
    lines = [
        f"# A second opinion: {document['model']}",
        "",
        _NOTE,
        "",
        f"Made by `make bench-transfer` on {run['date']}: {run['minutes']} minutes on "
        f"{run['machine']['cores']} cores of {run['machine']['cpu']}. Seeds "
        f"{', '.join(map(str, document['seeds']))}: {document['calls']} calls, {document['spam_calls']} of "
        f"them spam, {document['legitimate_callers']} legitimate callers. Left out: "
        f"{document['legitimate_calls_left_out']} legitimate calls of numbers that spam came from too.",
        *([] if document["size"] == 1.0 else [f"**A trial at size {document['size']}, not a result.**"]),
        "",
        "## Default policy",
        "",
        f"Spam calls flagged at the attempt: {_percent(policy['spam']['calls_flagged'])}. Legitimate callers "
        f"ever flagged: {_percent(policy['legitimate']['callers_flagged'])}.",
        "",
        f"After `spit train` on a day of other traffic of that author (seed {document['training_seeds'][0]}, "
        f"all calls labelled): {_percent(learned['spam']['calls_flagged'])}, and "
        f"{_percent(learned['legitimate']['callers_flagged'])}.",
        "",
        *_curves(document),
        *_campaigns(document),
        *_legitimate(document),
    ]
    return "\n".join(lines)


def _curves(document: dict[str, Any]) -> list[str]:
    names = list(document["detectors"])
    curves = [document["detectors"][name]["curve"] for name in names]
    return [
        "## Operating curve",
        "",
        "Share of spam calls flagged at the attempt, with the threshold at which so many legitimate callers "
        "are ever flagged. Gradient boosting has learnt from this very traffic (seeds "
        f"{', '.join(map(str, document['training_seeds']))}), so has the model after `spit "
        "train` (a day of the first of them); the model has not.",
        "",
        *_table(
            ["legitimate callers ever flagged", *names],
            (
                [f"<= {points[0]['budget']:.2%}", *(_percent(point["calls_flagged"]) for point in points)]
                for points in zip(*curves, strict=True)
            ),
        ),
    ]


def _campaigns(document: dict[str, Any]) -> list[str]:
    by_policy = {
        (group["kind"], group["strength"]): group
        for group in document["default_policy"]["kinds"]
        if group["label"] == "spam"
    }
    rows = []
    for parts in zip(*(one["spam"] for one in document["detectors"].values()), strict=True):
        kind, strength = parts[0]["kind"], parts[0]["strength"]
        group = by_policy[kind, strength]
        rows.append(
            [
                kind,
                strength,
                str(group["callers"]),
                str(group["calls"]),
                _figure(group["average_precision"]),
                _percent(group["calls_flagged"]),
                *(_percent(part["calls_flagged"]) for part in parts),
            ]
        )
    return [
        "## Campaigns",
        "",
        "Share of spam calls flagged: with the default policy, and at "
        f"{document['budget']:.1%} of legitimate callers.",
        "",
        *_table(
            [
                "kind",
                "strength",
                "callers",
                "calls",
                "AUC-PR of the model",
                "default policy",
                *(f"{name} at {document['budget']:.1%}" for name in document["detectors"]),
            ],
            rows,
        ),
    ]


def _legitimate(document: dict[str, Any]) -> list[str]:
    by_policy = {
        group["kind"]: group for group in document["default_policy"]["kinds"] if group["label"] == "ham"
    }
    names = list(document["detectors"])
    rows = []
    for parts in zip(*(one["legitimate"] for one in document["detectors"].values()), strict=True):
        rows.append(
            [
                parts[0]["kind"],
                str(parts[0]["callers"]),
                str(parts[0]["calls"]),
                _percent(by_policy[parts[0]["kind"]]["callers_flagged"]),
                *(_percent(part["callers_flagged"]) for part in parts),
                *(_percent(part["spam_calls_flagged_if_free"]) for part in parts),
            ]
        )
    return [
        "## Legitimate callers",
        "",
        "Share of callers of a kind ever flagged: with the default policy, and at "
        f"{document['budget']:.1%} of all legitimate callers. *If free*: the spam calls flagged if the "
        "callers of this kind did not count against the budget, which tells what one kind costs. A person "
        "may be a caller of several kinds.",
        "",
        *_table(
            [
                "kind",
                "callers",
                "calls",
                "default policy",
                *(f"{name} at {document['budget']:.1%}" for name in names),
                *(f"{name}, if free" for name in names),
            ],
            rows,
        ),
    ]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return [*lines, *(f"| {' | '.join(row)} |" for row in rows), ""]


def _percent(estimate: list[float] | None) -> str:
    if estimate is None:
        return "-"
    value, low, high = (
        f"{100 * share:.2f} %" if share < 0.1 else f"{100 * share:.1f} %" for share in estimate
    )
    return f"{value} [{low}, {high}]"


def _figure(estimate: list[float] | None) -> str:
    if estimate is None:
        return "-"
    value, low, high = (f"{figure:.3f}" for figure in estimate)
    return f"{value} [{low}, {high}]"
