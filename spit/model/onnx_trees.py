"""The decision trees in an ONNX model, for spit._core.Forest: read from the bytes, without the library onnx.

Sources: onnx.proto (ModelProto, GraphProto, NodeProto, AttributeProto), the encoding of Protocol Buffers, and
TreeEnsembleClassifier of the operators ``ai.onnx.ml``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from spit._core import Forest

# Numbers of fields.
_MODEL_GRAPH = 7
_GRAPH_NODE = 1
_NODE_TYPE, _NODE_ATTRIBUTE = 4, 5
_NAME, _TEXT, _FLOATS, _INTEGERS, _TEXTS = 1, 4, 7, 8, 9
# Wire types.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5

_OPERATOR = "TreeEnsembleClassifier"
_BRANCH, _LEAF = "BRANCH_LEQ", "LEAF"


def read_forest(onnx: bytes, width: int) -> Forest | None:
    """The trees of a model that is nothing but trees of one weight per leaf; None for any other model."""
    try:
        nodes = [
            node for graph in _fields(memoryview(onnx), _MODEL_GRAPH) for node in _fields(graph, _GRAPH_NODE)
        ]
        if [_text(node, _NODE_TYPE) for node in nodes] != [_OPERATOR]:
            return None
        found = dict(_attribute(one) for one in _fields(nodes[0], _NODE_ATTRIBUTE))
        return _forest(found, width)
    except (
        KeyError,
        IndexError,
        TypeError,
        ValueError,
        OverflowError,
        struct.error,
    ):  # not as one is written
        return None


def _forest(found: dict[str, list[Any]], width: int) -> Forest | None:
    if found.get("post_transform", ["NONE"]) != ["NONE"] or set(found["class_ids"]) != {0}:
        return None
    if not set(found["nodes_modes"]) <= {_BRANCH, _LEAF}:
        return None
    keys = list(zip(found["nodes_treeids"], found["nodes_nodeids"], strict=True))
    at = {key: position for position, key in enumerate(keys)}
    leaves = zip(found["class_treeids"], found["class_nodeids"], strict=True)
    weights = dict(zip(leaves, found["class_weights"], strict=True))
    if len(at) != len(keys) or len(weights) != len(found["class_weights"]):
        return None
    unknown = found.get("nodes_missing_value_tracks_true") or [0] * len(keys)
    nodes: list[tuple[int, float, int, int, bool] | float] = []
    columns = ("nodes_modes", "nodes_featureids", "nodes_values", "nodes_truenodeids", "nodes_falsenodeids")
    rows = zip(keys, *(found[name] for name in columns), unknown, strict=True)
    for (tree, node), mode, feature, threshold, yes, no, nan_is_yes in rows:
        if mode == _LEAF:
            nodes.append(weights[tree, node])
        else:
            nodes.append((feature, threshold, at[tree, yes], at[tree, no], bool(nan_is_yes)))
    roots = [at[tree, 0] for tree in dict.fromkeys(tree for tree, _ in keys)]
    return Forest(nodes, roots, sum(found.get("base_values", [])), width)


def _attribute(data: memoryview) -> tuple[str, list[Any]]:
    """Name and values of an attribute that holds numbers or texts."""
    name = _text(data, _NAME)
    values: list[Any] = []
    for number, value in _parse(data):
        if number == _INTEGERS:
            values += _varints(value) if isinstance(value, memoryview) else [value]
        elif number == _FLOATS:
            values += [one for (one,) in struct.iter_unpack("<f", value)]
        elif number in (_TEXT, _TEXTS):
            values.append(bytes(value).decode())
    return name, values


def _text(data: memoryview, field: int) -> str:
    return bytes(next(_fields(data, field), b"")).decode()


def _fields(data: memoryview, field: int) -> Iterator[memoryview]:
    return (value for number, value in _parse(data) if number == field and isinstance(value, memoryview))


def _parse(data: memoryview) -> Iterator[tuple[int, Any]]:
    """Number and value of each field: an integer, or bytes."""
    at, end = 0, len(data)
    while at < end:
        key, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at)
        kind = key & 7
        if kind == _VARINT:
            value, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            length, at = (data[at], at + 1) if data[at] < 0x80 else _varint(data, at)
        elif kind in (_FIXED32, _FIXED64):
            length = 4 if kind == _FIXED32 else 8
        else:
            raise ValueError(f"expected a wire type of Protocol Buffers, found {kind}")
        if at + length > end:
            raise ValueError(f"expected {length} bytes, found {end - at}")
        yield key >> 3, data[at : at + length]
        at += length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("expected an integer of at most 64 bits, found a longer one")


def _varints(data: memoryview) -> list[int]:
    at, values = 0, []
    while at < len(data):
        value, at = _varint(data, at)
        values.append(value)
    return values
