"""A loaded model: feature rows in, calibrated probabilities out."""

from __future__ import annotations

from copy import copy
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from spit._core import Forest
from spit.errors import ModelError
from spit.model.decision import DecisionParameters
from spit.model.error_budget import ErrorBudget
from spit.model.onnx_session import open_session

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]

#: Names inside model.onnx, written by spit.model.train and checked on loading.
INPUT_NAME = "values"
OUTPUT_NAME = "log_odds"
#: Rows on which a model's trees are compared with the runtime.
_PROBES = 256


def sigmoid(x: F64) -> F64:
    """1 / (1 + exp(-x)) without overflow."""
    clipped: F64 = np.minimum(np.maximum(x, -500.0), 500.0)  # np.clip takes longer than the rest of this
    return np.asarray(1.0 / (1.0 + np.exp(-clipped)), dtype=np.float64)


def sigmoid_one(x: float) -> float:
    """``sigmoid`` of one number: the same exponential, which the standard library rounds otherwise."""
    return float(1.0 / (1.0 + np.exp(-min(max(x, -500.0), 500.0))))


def logit(p: float) -> float:
    """log(p / (1 - p)) of a probability strictly between 0 and 1."""
    return float(np.log(p) - np.log1p(-p))


class Detector(Protocol):
    """What the engine needs of whatever scores attempts: ``Model``, or one that was fitted without labels."""

    @property
    def name(self) -> str:
        """``name/version``."""

    @property
    def features(self) -> tuple[str, ...]:
        """Names in the order of the columns of ``values``."""

    @property
    def baseline(self) -> F32:
        """float32[F]: the usual value of each feature, NaN where it is usually unknown."""

    @property
    def prior(self) -> float:
        """Probability that a caller of whom nothing is known is a spammer."""

    @property
    def decision(self) -> DecisionParameters:
        """How evidence accumulates."""

    @property
    def error_budget(self) -> ErrorBudget | None:
        """What thresholds are derived from; None where nothing was calibrated."""

    def log_odds(self, values: F32) -> F64:
        """float64[n]: calibrated log-odds that each attempt (row of float32[n, F]) is spam."""


class Model:
    """Scores attempts. Immutable, safe to share between threads.

    ``features``: names in the order of the columns of ``values``. ``baseline``: float32[F], the usual value
    of each feature for legitimate attempts, NaN where it is usually unknown. ``prior``: probability that a
    caller of whom nothing is known is a spammer. ``decision``, ``error_budget``: what follows a score; the
    defaults where the bundle says nothing.
    """

    def __init__(
        self,
        onnx: bytes,
        *,
        where: str,
        name: str,
        features: tuple[str, ...],
        calibration_a: float,
        calibration_b: float,
        baseline: F32,
        prior: float,
        decision: DecisionParameters | None = None,
        error_budget: ErrorBudget | None = None,
    ) -> None:
        self.name = name
        self.features = features
        self.baseline = baseline
        self.prior = prior
        self.decision = DecisionParameters() if decision is None else decision
        self.error_budget = error_budget
        self._a = calibration_a
        self._b = calibration_b
        self._session = _open_session(onnx, where, len(features))
        probe = self._session.run([OUTPUT_NAME], {INPUT_NAME: baseline.reshape(1, -1)})[0]
        if getattr(probe, "shape", None) != (1, 2) or not np.isfinite(probe).all():
            raise ModelError(f"{where}: expected two finite log-odds (ham, spam) per row, found {probe!r}")
        self._forest = self._read_forest(onnx)

    def deciding_by(self, decision: DecisionParameters, error_budget: ErrorBudget | None) -> Model:
        """The same network with other parameters of what follows a score."""
        other = copy(self)
        other.decision, other.error_budget = decision, error_budget
        return other

    def raw_log_odds(self, values: F32) -> F64:
        """float64[n]: the trees' own log-odds, before calibration."""
        if values.ndim != 2 or values.shape[1] != len(self.features):
            raise ModelError(
                f"model {self.name}: expected rows of {len(self.features)} features, "
                f"found shape {values.shape}"
            )
        if len(values) == 0:
            return np.empty(0, dtype=np.float64)
        rows = np.ascontiguousarray(values, dtype=np.float32)
        output = self._run(rows) if self._forest is None else self._forest.sum(rows)
        return output.astype(np.float64)

    def _run(self, rows: F32) -> F32:
        output: F32 = self._session.run([OUTPUT_NAME], {INPUT_NAME: rows})[0][:, 1]
        return output

    def _read_forest(self, onnx: bytes) -> Forest | None:
        """The model's trees by themselves, where they say to the last bit what the runtime says.

        The runtime takes longer to begin than the trees to read, and gives up the interpreter each time.
        """
        forest = Forest.of_onnx(onnx, len(self.features))
        if forest is None:
            return None
        rng = np.random.default_rng(0)
        shape = (_PROBES, len(self.features))
        probes = (rng.standard_normal(shape) * 10.0 ** rng.uniform(-2.0, 5.0, shape)).astype(np.float32)
        probes[rng.random(shape) < 0.2] = np.nan
        at_baseline = rng.random(shape) < 0.5
        probes[at_baseline] = np.broadcast_to(self.baseline, shape)[at_baseline]
        same = np.array_equal(forest.sum(probes), self._run(probes)) and all(
            forest.sum(probe) == self._run(probe) for probe in np.split(probes[:8], 8)
        )
        return forest if same else None

    def log_odds(self, values: F32) -> F64:
        """float64[n]: calibrated log-odds that each attempt (row of float32[n, F]) is spam."""
        return np.asarray(self._a * self.raw_log_odds(values) + self._b, dtype=np.float64)

    def score(self, values: F32) -> F64:
        """float64[n]: calibrated probability that each attempt (row of float32[n, F]) is spam."""
        return sigmoid(self.log_odds(values))


def _open_session(onnx: bytes, where: str, width: int) -> Any:
    try:
        session = open_session(onnx)
    except Exception as error:  # noqa: BLE001  onnxruntime raises classes of its own that share no base
        raise ModelError(f"{where}: expected an ONNX model, found: {str(error).splitlines()[0]}") from None
    inputs = {i.name: i for i in session.get_inputs()}
    outputs = {o.name for o in session.get_outputs()}
    if set(inputs) != {INPUT_NAME} or OUTPUT_NAME not in outputs:
        raise ModelError(
            f"{where}: expected input {INPUT_NAME!r} and output {OUTPUT_NAME!r}, "
            f"found inputs {sorted(inputs)} and outputs {sorted(outputs)}"
        )
    found = inputs[INPUT_NAME].shape
    if len(found) != 2 or found[1] != width or inputs[INPUT_NAME].type != "tensor(float)":
        raise ModelError(
            f"{where}: expected an input of {width} float features, "
            f"found {inputs[INPUT_NAME].type} of shape {found}"
        )
    return session
