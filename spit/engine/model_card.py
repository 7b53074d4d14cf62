"""The text of MODEL_CARD.md: what a person must know before trusting a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spit.model.train import TrainedModel


def model_card(
    trained: TrainedModel,
    *,
    name: str,
    version: str,
    features: int,
    measured: Mapping[str, str],
    benchmark: str = "",
) -> str:
    """Markdown. ``measured``: evaluations with the default policy, as text, by title; ``benchmark``: sections
    of Markdown."""
    facts, rows = trained.trained_on, trained.trained_on["rows"]
    metrics = "\n".join(
        f"| {part} | {row['attempts']} | {_number(row['roc_auc'])} | {_number(row['brier'])} "
        f"| {_number(row['true_positive_rate_at_0.5'])} | {_number(row['false_positive_rate_at_0.5'])} |"
        for part, row in trained.metrics.items()
    )
    libraries = ", ".join(f"{library} {number}" for library, number in trained.libraries.items())
    evaluation = "".join(
        f"\n## With the default policy: {title}\n\n```\n{text.strip()}\n```\n"
        for title, text in measured.items()
    )
    return f"""# Model card: {name}/{version}

A gradient-boosted tree classifier that gives the probability that a call attempt is spam, from what is known
at its INVITE and from the caller's history ({features} features, read before the attempt is counted).

## Use

For scoring SIP call attempts with the feature schema named in `bundle.json`. Start in monitor mode, compare
the labels with your own traffic, and enforce only then. Not for emergency calls: policy exempts them.

## Trained on

Simulated traffic only: seeds {seed_words(facts["seeds"])} of the scenario `training`,
{_worlds(facts)}{rows["fit"]} attempts to fit and {rows["calibration"]} of other callers to calibrate;
{facts["callers"]} callers in all. The simulation draws its parameters from published measurements of call
traffic, but it was written by the authors of this detector. **Results on simulated traffic are not comparable
with results on real traffic.**

## Single attempts

A caller counts at most as much as {facts["settings"]["max_weight_per_caller"]:g} attempts. `test` are other
seeds ({seed_words(facts["test_seeds"])}).

| rows | attempts | ROC AUC | Brier | found at 0.5 | wrongly at 0.5 |
|---|---|---|---|---|---|
{metrics}
{evaluation}
{benchmark}
## Limits

- A first call from an unknown number carries little evidence; most campaigns are found after some calls.
- What the simulation lacks was not learned: docs/evaluation.md (A second opinion) shows what that costs.
- Attestation is unverified at this point and weighs as a weak prior.
- The calibration holds for the simulated shares of spam (2 to 45 % of calls, drawn by seed).

## Made with

{libraries}. `bundle.json` holds the settings, the SHA-256 of `model.onnx` and every seed: the same command
makes the same bytes with these versions.
"""


def _worlds(facts: Mapping[str, Any]) -> str:
    """Of other authors' simulators, where the model has seen any."""
    if not facts.get("worlds"):
        return ""
    seen = seed_words(facts.get("world_seeds", []))
    calibrated = seed_words(facts.get("world_calibration_seeds", []))
    return (
        f"seeds {seen} of the worlds {', '.join(facts['worlds'])} (by other authors, who did not know this\n"
        f"detector: docs/simulation.md; the decision was calibrated on their seeds {calibrated} too),\n"
    )


def _number(value: float | int | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def seed_words(seeds: Sequence[int]) -> str:
    """Runs of consecutive seeds as ranges."""
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs) or "none"
