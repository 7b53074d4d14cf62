"""The trees that are read from a model are the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spit._core import Forest
from spit.cli.detector import load_model
from spit.config import Config
from spit.model.scorer import Model

ONNX = (Path(__file__).parents[2] / "models/baseline/5/model.onnx").read_bytes()


@pytest.fixture(scope="module")
def model() -> Model:
    return load_model(Config())


def test_the_trees_say_what_the_runtime_says(model: Model) -> None:
    forest = Forest.of_onnx(ONNX, len(model.features))
    assert forest is not None
    assert model._forest is not None
    rng = np.random.default_rng(7)
    rows = (rng.standard_normal((500, len(model.features))) * 100.0).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    rows[rng.random(rows.shape) < 0.1] = np.inf
    np.testing.assert_array_equal(forest.sum(rows), model._run(rows))
    np.testing.assert_array_equal(forest.sum(rows[:1]), model._run(rows[:1]))


def test_another_width_is_refused(model: Model) -> None:
    assert Forest.of_onnx(ONNX, 3) is None
    assert model._forest is not None
    with pytest.raises(ValueError, match="rows of 262 values"):
        model._forest.sum(np.zeros((1, 3), np.float32))


def small_model(operator: str = "TreeEnsembleClassifier", **changes: Any) -> bytes:
    """One branch with two leaves, and a tree that is a leaf."""
    attributes: dict[str, Any] = {
        "nodes_treeids": [0, 0, 0, 1],
        "nodes_nodeids": [0, 1, 2, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF", "LEAF"],
        "nodes_featureids": [2, 0, 0, 0],
        "nodes_values": [0.5, 0.0, 0.0, 0.0],
        "nodes_truenodeids": [1, 0, 0, 0],
        "nodes_falsenodeids": [2, 0, 0, 0],
        "class_treeids": [0, 0, 1],
        "class_nodeids": [1, 2, 0],
        "class_ids": [0, 0, 0],
        "class_weights": [1.0, 2.0, 10.0],
        "classlabels_int64s": [0, 1],
        "base_values": [100.0],
        "post_transform": "NONE",
    }
    node = onnx.helper.make_node(
        operator, ["values"], ["label", "log_odds"], domain="ai.onnx.ml", **{**attributes, **changes}
    )
    graph = onnx.helper.make_graph([node], "trees", [], [])
    written: bytes = onnx.helper.make_model(graph).SerializeToString()
    return written


def test_a_small_model_is_read() -> None:
    forest = Forest.of_onnx(small_model(), 3)
    assert forest is not None
    assert forest.sum(np.array([[9.0, 9.0, 0.5], [0.0, 0.0, 0.6]], np.float32)).tolist() == [111.0, 112.0]


@pytest.mark.parametrize(
    "other",
    [
        {"operator": "TreeEnsembleRegressor"},
        {"post_transform": "LOGISTIC"},
        {"class_ids": [0, 1, 0]},
        {"nodes_modes": ["BRANCH_LT", "LEAF", "LEAF", "LEAF"]},
        {"class_nodeids": [1, 1, 0]},
        {"nodes_truenodeids": [7, 0, 0, 0]},
        {"nodes_truenodeids": [0, 0, 0, 0]},
        {"nodes_featureids": [-1, 0, 0, 0]},
    ],
)
def test_other_models_are_left_to_the_runtime(other: dict[str, Any]) -> None:
    assert Forest.of_onnx(small_model(**other), 3) is None


SMALL = small_model()


@settings(max_examples=300, deadline=None)
@given(cut=st.integers(0, len(SMALL) - 1), at=st.integers(0, len(SMALL) - 1), byte=st.integers(0, 255))
def test_a_damaged_file_never_raises(cut: int, at: int, byte: int) -> None:
    for damaged in (SMALL[:cut], SMALL[:at] + bytes([byte]) + SMALL[at + 1 :]):
        assert isinstance(Forest.of_onnx(damaged, 3), Forest | None)


def test_trees_by_hand() -> None:
    nodes: list[tuple[int, float, int, int, bool] | float] = [(0, 0.5, 1, 2, True), 1.0, 2.0, 10.0]
    forest = Forest(nodes, [0, 3], 100.0, 1)
    rows = np.array([[0.5], [0.6], [np.nan]], np.float32)
    assert forest.sum(rows).tolist() == [111.0, 112.0, 111.0]
    with pytest.raises(ValueError, match="found it twice"):
        Forest([(0, 0.5, 0, 0, False)], [0], 0.0, 1)
