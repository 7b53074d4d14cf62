"""From trees of scikit-learn to ONNX, and whether both give the same scores. Needs the extra ``train``."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from spit.errors import MissingExtraError, ModelError
from spit.model.binning import restore_cuts
from spit.model.onnx_session import open_session
from spit.model.scorer import F32, F64, INPUT_NAME, OUTPUT_NAME

MAX_SHIPPED_ONNX_BYTES = 2 * 1024 * 1024
ONNX_TOLERANCE = 1e-4
#: Rows scored at a time.
CHUNK_ROWS = 65_536


def convert(classifier: Any, width: int, cuts: Sequence[F32] | None = None) -> bytes:
    """ONNX bytes of a fitted binary HistGradientBoostingClassifier: ``values`` in, ``log_odds`` [n, 2] out.

    ``cuts``: of the bins that it was fitted on; None where it was fitted on values. Raises MissingExtraError
    without skl2onnx; ModelError when the result is too large to ship.
    """
    try:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
    except ImportError as error:
        raise MissingExtraError("train", "train", error.name or "skl2onnx") from None
    with warnings.catch_warnings():
        # skl2onnx 1.20 hands protobuf booleans for integers; the extra holds a protobuf that takes them.
        warnings.filterwarnings("ignore", "Field onnx.AttributeProto.ints", DeprecationWarning)
        model = to_onnx(
            classifier,
            initial_types=[(INPUT_NAME, FloatTensorType([None, width]))],
            options={id(classifier): {"raw_scores": True, "zipmap": False}},
            target_opset={"": 18, "ai.onnx.ml": 3},
        )
    graph = model.graph
    for node in graph.node:
        for i, output in enumerate(node.output):
            if output == "probabilities":  # skl2onnx keeps this name although raw_scores asks for log-odds
                node.output[i] = OUTPUT_NAME
    scores = next(o for o in graph.output if o.name == "probabilities")
    scores.name = OUTPUT_NAME
    for output in [o for o in graph.output if o.name != OUTPUT_NAME]:
        graph.output.remove(output)
    graph.name = "spit"
    if cuts is not None:
        restore_cuts(graph, cuts)
    data: bytes = model.SerializeToString()
    check_size(data)
    return data


def check_size(data: bytes) -> None:
    """Raises ModelError when the ONNX bytes are more than are shipped."""
    if len(data) > MAX_SHIPPED_ONNX_BYTES:
        raise ModelError(
            f"the ONNX model has {len(data)} bytes, expected at most {MAX_SHIPPED_ONNX_BYTES}: "
            "use fewer or smaller trees"
        )


def onnx_log_odds(onnx: bytes, values: F32) -> F64:
    """float64[n]: what the runtime makes of the rows of ``values`` float32[n, F]."""
    session = open_session(onnx)
    found = [
        session.run([OUTPUT_NAME], {INPUT_NAME: np.ascontiguousarray(part, dtype=np.float32)})[0][:, 1]
        for part in np.array_split(values, -(-len(values) // CHUNK_ROWS))
    ]
    return np.concatenate(found).astype(np.float64)


def assert_same_scores(onnx: bytes, values: F32, expected: F64) -> None:
    """Raises ModelError when the ONNX log-odds of any row differ from ``expected`` by 1e-4 or more."""
    found = onnx_log_odds(onnx, values)
    difference = np.abs(found - expected)
    worst = int(np.argmax(difference))
    if not math.isfinite(difference[worst]) or difference[worst] >= ONNX_TOLERANCE:
        raise ModelError(
            f"ONNX conversion changed the scores: row {worst}: expected log-odds {expected[worst]:.6f}, "
            f"found {found[worst]:.6f}"
        )
