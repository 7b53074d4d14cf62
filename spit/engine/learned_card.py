"""The card of a model that learned from an operator's own calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spit.engine.learned_forests import FOLDS
from spit.engine.model_card import seed_words
from spit.model.train import TrainedModel


def learned_card(
    trained: TrainedModel,
    *,
    name: str,
    version: str,
    features: int,
    facts: Mapping[str, Any],
    measured: Mapping[str, float | int | None],
) -> str:
    """Markdown. ``facts``: ``own_calls`` of bundle.json; ``measured``: with the policy, on the test part."""
    parts = "\n".join(
        f"| {part} | {row['attempts']} | {_number(row['roc_auc'])} | {_number(row['brier'])} "
        f"| {_number(row['true_positive_rate_at_0.5'])} | {_number(row['false_positive_rate_at_0.5'])} |"
        for part, row in trained.metrics.items()
    )
    share = f"{facts['test_share']:.0%}"
    if facts["test_by_time"]:
        split = (
            f"The last {share} of the labelled rows by time were only measured, and of them only callers who "
            f"had not been seen before; {facts['rows_left_out']} later rows of known callers are in no part."
        )
    else:
        split = f"{share} of the labelled callers were only measured; no caller is in two parts."
    seeds, weight = facts["simulation_seeds"], facts["simulation_weight"]
    simulated = (
        f"Simulated traffic beside it: seeds {seed_words(seeds)} of the scenario `training`; each of its "
        f"rows counts {weight:g} of an own row."
        if seeds
        else "No simulated traffic beside it: kinds of spam that the labels lack were not learned"
        + (f", {facts['beside']} alone knows of them." if facts["beside"] else ".")
    )
    forests = f"The mean of {FOLDS} forests, each of which leaves out 1 in {FOLDS} of the callers"
    beside = (
        f"{forests}, and of the model {facts['beside']}, which counts {facts['beside_weight']:.2f} times as "
        "much as they together."
        if facts["beside"]
        else f"{forests}; no other model beside them."
    )
    found = "\n".join(
        f"| {words} | {measured[f'{label}_{unit}']} | {measured[f'{label}_{unit}_flagged']} "
        f"| {_number(measured[f'{label}_{unit}_flagged_ratio'])} |"
        for words, label, unit in (
            ("spam calls", "spam", "calls"),
            ("spam callers", "spam", "callers"),
            ("legitimate calls", "ham", "calls"),
            ("legitimate callers", "ham", "callers"),
        )
    )
    libraries = ", ".join(f"{library} {number}" for library, number in trained.libraries.items())
    return f"""# Model card: {name}/{version}

A gradient-boosted tree classifier that gives the probability that a call attempt is spam, from what is known
at its INVITE and from the caller's history ({features} features, read before the attempt is counted).

## Trained on

An operator's own calls: {facts["attempts"]} attempts, {facts["labelled"]} of them labelled
({facts["labelled_spam"]} spam) by {facts["labelled_callers"]} callers; {facts["unlabelled"]} attempts had no
label and only made the history of others. {facts["rows"]} rows were kept, at most some dozens of a caller.
{split}

{simulated}

{beside}

## Wrong blocks

{budget_words(facts)}

## Single attempts

| rows | attempts | ROC AUC | Brier | found at 0.5 | wrongly at 0.5 |
|---|---|---|---|---|---|
{parts}

Rows of *calibration* are those of *fit*, each scored by the forest that did not learn from it.

## Own calls of the test part, with the policy

| | in all | labelled spam | ratio |
|---|---|---|---|
{found}

## Limits

- The labels are the operator's: what they miss or get wrong, this model learned.
- A ratio of few cases says little; compare on later traffic (`spit evaluate`, or as a challenger) before
  enforcing.
- `reference.json` holds histograms of the features, from which `spit drift` tells when traffic has changed.

## Made with

{libraries}.
"""


def budget_words(facts: Mapping[str, Any]) -> str:
    """Whose callers the threshold is vouched for by."""
    if facts["budget_of"]:
        return (
            "Too few labelled legitimate callers to vouch for the wrong blocks that the policy allows: "
            f"calibration, decision and budget are those of {facts['budget_of']}, measured on its traffic."
        )
    if facts["budget_callers"]:
        return (
            f"The budget was measured on {facts['budget_callers']} labelled legitimate callers, each scored "
            "by the forest that did not learn from it."
        )
    return (
        "Too few labelled legitimate callers to vouch for the wrong blocks that the policy allows: there is "
        "no budget, and the policy's fixed thresholds hold."
    )


def _number(value: float | int | None) -> str:
    return "-" if value is None else f"{value:.4f}"
