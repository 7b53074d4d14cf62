"""Ablation: values move between callers, what tells falls most, and every feature must have a figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spit.engine.ablation import exchanged, permutation_falls, render_markdown
from spit.engine.ablation_document import render_bundle
from spit.errors import ConfigError
from spit.features.table import FEATURES
from spit.model.train import TrainingRows, TrainingSettings, train


def test_values_come_from_another_caller_as_far_along() -> None:
    groups = np.array([0, 1, 0, 2, 0, 0, 1])
    donors = exchanged(groups, np.random.default_rng(0))
    assert (groups[donors] != groups).all()
    assert len({int(groups[d]) for d in donors[groups == 0]}) == 1  # one caller takes the place of one
    first_rows = {0: 0, 1: 1, 2: 3}
    assert all(donors[row] in first_rows.values() for row in first_rows.values())


def test_the_feature_that_tells_falls_most() -> None:
    rng = np.random.default_rng(1)
    callers = np.repeat(np.arange(300), 4)
    values = rng.normal(size=(1200, 3)).astype(np.float32)
    spam = callers % 3 == 0
    values[:, 1] += 3.0 * spam
    rows = TrainingRows(values, spam, callers.astype(str), np.where(callers < 200, 1, 2))
    trained = train(
        rows, names="abc", test_seeds=[2], settings=TrainingSettings(trees=20, min_samples_leaf=10)
    )
    falls = permutation_falls(trained.model(name="m", version="1", features="abc"), rows)
    assert falls["b"] > 0.3
    assert abs(falls["a"]) < 0.05
    assert abs(falls["c"]) < 0.05


def test_a_feature_without_a_figure_is_an_error() -> None:
    figures = {
        "features": {f.name: 0.0 for f in FEATURES[1:]}, "families": {}, "average_precision": 0.9
    }  # fmt: skip
    with pytest.raises(ConfigError, match=f"found none for {FEATURES[0].name}"):
        render_markdown(figures, "m/1")
    figures["features"] = {f.name: 0.01 for f in FEATURES}
    assert render_markdown(figures, "m/1").count("| +0.0100 |") == len(FEATURES)


def test_docs_show_the_figures_of_the_shipped_model() -> None:
    page = Path(__file__).parents[2] / "docs" / "ablation.md"
    assert page.read_text() == render_bundle()
