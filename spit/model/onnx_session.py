"""Sessions of onnxruntime, which must not call home: nothing of a provider leaves its machines."""

from __future__ import annotations

import os
from typing import Any

#: onnxruntime reports to its makers from 1.29 on, unless this is set before it is loaded.
_NO_TELEMETRY = ("ORT_DISABLE_TELEMETRY", "1")


def open_session(onnx: bytes) -> Any:
    """An ``onnxruntime.InferenceSession`` of one thread. Raises onnxruntime's errors, which share no base."""
    os.environ[_NO_TELEMETRY[0]] = _NO_TELEMETRY[1]
    # Imported here: it takes longer than `spit --help` may.
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread: a row takes microseconds, waking a pool of threads takes longer.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
