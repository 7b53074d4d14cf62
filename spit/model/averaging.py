"""Several forests as one: its log-odds are the mean of theirs. Needs the extra ``train``.

Forests that learned from different worlds agree on what spam has in common and differ on what only looks like
it in one of them; the mean keeps the former (bagging, Breiman 1996; docs/decisions/0026).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spit.errors import MissingExtraError, ModelError

_TREES = ("nodes_treeids", "class_treeids")
_WEIGHTS = "class_weights"
_START = "base_values"
_LISTS = ("floats", "ints", "strings")


def average_forests(models: Sequence[bytes], weights: Sequence[float] | None = None) -> bytes:
    """ONNX bytes of one TreeEnsembleClassifier with the trees of all ``models``: the mean of their log-odds.

    All must be conversions of classifiers with the same features (``conversion.convert``). ``weights``: how
    much each counts, above 0; all the same when None. One model is returned as it is.
    Raises MissingExtraError without onnx, ModelError where there is none.
    """
    if not models:
        raise ModelError("averaged forests: expected at least one, found none")
    if len(models) == 1:
        return models[0]
    try:
        import onnx
    except ImportError as error:
        raise MissingExtraError("train", "train", error.name or "onnx") from None
    given = [1.0] * len(models) if weights is None else weights
    joined, *others = (onnx.load_from_string(model) for model in models)
    attributes = _attributes(joined)
    _scale(attributes, given[0] / sum(given))
    for other, weight in zip(others, given[1:], strict=True):
        found = _attributes(other)
        _scale(found, weight / sum(given))
        trees = max(attributes["nodes_treeids"].ints) + 1
        for name, attribute in attributes.items():
            if name in _TREES:
                attribute.ints.extend(tree + trees for tree in found[name].ints)
            elif name == _START:
                attribute.floats[0] += found[name].floats[0]
            elif name.startswith(("nodes_", "class_")):
                for values in _LISTS:
                    getattr(attribute, values).extend(getattr(found[name], values))
    data: bytes = joined.SerializeToString()
    return data


def _scale(attributes: dict[str, Any], share: float) -> None:
    """Leaves and start of a forest, in place, by its share of the mean."""
    for name in (_WEIGHTS, _START):
        values = attributes[name].floats
        values[:] = [value * share for value in values]


def count_trees(model: bytes) -> int:
    """Trees of a TreeEnsembleClassifier, of which there is at least one."""
    import onnx

    return int(max(_attributes(onnx.load_from_string(model))["nodes_treeids"].ints)) + 1


def _attributes(model: Any) -> dict[str, Any]:
    """The attributes of the one node, by name."""
    (node,) = model.graph.node
    return {attribute.name: attribute for attribute in node.attribute}
