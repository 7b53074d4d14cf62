"""The model bundle: a directory of data that is checked before use and never runs code.

``models/NAME/VERSION/`` holds ``model.onnx``, ``bundle.json`` and ``MODEL_CARD.md``. The network is read by
onnxruntime from bytes whose SHA-256 is written in ``bundle.json``; nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import numpy as np

import spit
from spit.errors import ModelError
from spit.model.decision import DecisionParameters
from spit.model.error_budget import ErrorBudget
from spit.model.scorer import Model

FORMAT_VERSION = 1
DEFAULT_MODEL_NAME = "baseline"
ONNX_FILE = "model.onnx"
ENVIRONMENT_VARIABLE = "SPIT_MODEL"

#: A gradient-boosted model of a few hundred small trees stays below 2 MB; a file of this size is not one.
MAX_ONNX_BYTES = 64 * 1024 * 1024

_T = TypeVar("_T")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Sigmoid calibration (Platt 1999): probability = sigmoid(a * raw log-odds + b)."""

    a: float
    b: float


@dataclass(frozen=True, slots=True)
class BundleInfo:
    """What ``bundle.json`` says, in its order."""

    name: str
    version: str
    features: tuple[str, ...]
    schema_hash: str
    sha256: str
    calibration: Calibration
    baseline: tuple[float | None, ...]  # median over legitimate attempts; None: usually unknown
    prior: float  # probability that a caller of whom nothing is known is a spammer
    trained_on: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    decision: DecisionParameters = field(default_factory=DecisionParameters)
    error_budget: ErrorBudget | None = None  # None: nothing was calibrated, thresholds are fixed
    format_version: int = FORMAT_VERSION

    @property
    def full_name(self) -> str:
        """``name/version``, as verdicts carry it."""
        return f"{self.name}/{self.version}"


def load_bundle(path: Path, *, schema_hash: str) -> Model:
    """Load and check the bundle in directory ``path`` for features with ``schema_hash``.

    Raises ModelError when a file is missing or damaged, when a field is missing or of the wrong type, or when
    the model was trained for other features.
    """
    info = read_bundle_info(path)
    if info.schema_hash != schema_hash:
        raise ModelError(
            f"{path / 'bundle.json'}: the model was trained for other features: expected schema_hash "
            f"{schema_hash}, found {info.schema_hash}; train a model with this version or choose another one"
        )
    onnx_path = path / ONNX_FILE
    data = _read_bytes(onnx_path, MAX_ONNX_BYTES)
    found = hashlib.sha256(data).hexdigest()
    if found != info.sha256:
        raise ModelError(f"{onnx_path}: damaged or exchanged: expected sha256 {info.sha256}, found {found}")
    return Model(
        data,
        where=str(onnx_path),
        name=info.full_name,
        features=info.features,
        calibration_a=info.calibration.a,
        calibration_b=info.calibration.b,
        baseline=np.array([math.nan if v is None else v for v in info.baseline], dtype=np.float32),
        prior=info.prior,
        decision=info.decision,
        error_budget=info.error_budget,
    )


def resolve_bundle_path(model: Path | None = None, environment: Mapping[str, str] = os.environ) -> Path:
    """The bundle directory to use: ``model``, else $SPIT_MODEL, else the newest shipped ``baseline``.

    A directory of versions stands for its newest version. Raises ModelError when there is none.
    """
    if model is not None:
        chosen, why = model, "--model"
    elif environment.get(ENVIRONMENT_VARIABLE):
        chosen, why = Path(environment[ENVIRONMENT_VARIABLE]), f"${ENVIRONMENT_VARIABLE}"
    else:
        chosen = shipped_models() / DEFAULT_MODEL_NAME
        why = "the shipped model"
    if (chosen / "bundle.json").is_file():
        return chosen
    versions = [p.parent for p in chosen.glob("*/bundle.json")]
    if not versions:
        raise ModelError(
            f"no model bundle at {chosen} ({why}): expected a directory with bundle.json; "
            f"name one with --model or ${ENVIRONMENT_VARIABLE}, or make one with 'spit train'"
        )
    return max(versions, key=lambda p: _version_key(p.name))


def shipped_models() -> Path:
    """The models of a checkout, beside the package, or those that the wheel brought into the environment."""
    beside = Path(spit.__file__).parent.parent / "models"
    return (
        beside if (beside / DEFAULT_MODEL_NAME).is_dir() else Path(sys.prefix) / "share" / "spit" / "models"
    )


def load_default(
    model: Path | None = None, *, schema_hash: str, environment: Mapping[str, str] = os.environ
) -> Model:
    """``load_bundle`` of ``resolve_bundle_path``."""
    return load_bundle(resolve_bundle_path(model, environment), schema_hash=schema_hash)


def read_bundle_info(path: Path) -> BundleInfo:
    """Read and check ``bundle.json`` in directory ``path``. Raises ModelError."""
    json_path = path / "bundle.json"
    data = _read_bytes(json_path, 16 * 1024 * 1024)
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{json_path}: expected a JSON object, found: {error}") from None
    if not isinstance(document, dict):
        raise ModelError(f"{json_path}: expected a JSON object, found {type(document).__name__}")
    return _Fields(document, json_path).info()


def write_bundle(
    directory: Path,
    info: BundleInfo,
    onnx: bytes,
    model_card: str,
    *,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write the bundle to ``directory/NAME/VERSION`` and return that path. ``files``: more texts, by name.

    The version appears whole or not at all. Raises ModelError when it exists: a version never changes.
    """
    target = directory / info.name / info.version
    if target.exists():
        raise ModelError(f"{target}: exists already; a version never changes, choose another one")
    document = _document(info)
    _Fields(document, target / "bundle.json").info()  # never write what cannot be read back
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{info.version}-", dir=target.parent))
    try:
        scratch.chmod(0o755)
        (scratch / ONNX_FILE).write_bytes(onnx)
        (scratch / "bundle.json").write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
        (scratch / "MODEL_CARD.md").write_text(model_card)
        for name, text in (files or {}).items():
            (scratch / name).write_text(text)
        scratch.rename(target)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return target


def with_decision(path: Path, decision: DecisionParameters, error_budget: ErrorBudget | None) -> None:
    """Write these into ``bundle.json`` of the bundle at ``path``, in one step; the network stays as it is.

    For a bundle that is being made: the calibration replays traffic through the finished model. Raises
    ModelError.
    """
    info = replace(read_bundle_info(path), decision=decision, error_budget=error_budget)
    document = _document(info)
    _Fields(document, path / "bundle.json").info()
    scratch = path / "bundle.json.new"
    scratch.write_text(json.dumps(document, indent=1, allow_nan=False) + "\n")
    scratch.replace(path / "bundle.json")


def _document(info: BundleInfo) -> dict[str, Any]:
    document = asdict(info)
    document["error_budget"] = None if info.error_budget is None else info.error_budget.to_document()
    return {"format_version": document.pop("format_version"), **document}


class _Fields:
    """Typed access to the fields of ``bundle.json``; every error names the file and the field."""

    def __init__(self, document: Mapping[str, Any], where: Path) -> None:
        self._document = document
        self._where = where

    def info(self) -> BundleInfo:
        version = self._get("format_version", int)
        if version != FORMAT_VERSION:
            raise self._error("format_version", str(FORMAT_VERSION), version)
        features = tuple(self._get_list("features"))
        if not features or not all(isinstance(f, str) and f for f in features):
            raise self._error("features", "a list of feature names", features)
        if len(set(features)) != len(features):
            raise self._error("features", "feature names that differ", features)
        baseline = tuple(self._get_list("baseline"))
        if len(baseline) != len(features):
            raise self._error(
                "baseline", f"{len(features)} values, one per feature", f"{len(baseline)} values"
            )
        for value in baseline:
            if value is not None and not _is_finite(value):
                raise self._error("baseline", "finite numbers or null", value)
        calibration = self._get("calibration", dict)
        a, b = (calibration.get(name) for name in ("a", "b"))
        if not _is_finite(a) or not _is_finite(b) or a <= 0:
            raise self._error("calibration", "finite numbers a > 0 and b", calibration)
        prior = self._document.get("prior")
        if not _is_finite(prior) or not 0 < prior < 1:
            raise self._error("prior", "a number between 0 and 1", prior)
        sha256 = self._get("sha256", str)
        if not re.fullmatch(r"[0-9a-f]{64}", sha256):
            raise self._error("sha256", "64 hexadecimal digits", sha256)
        schema_hash = self._get("schema_hash", str)
        if not schema_hash:
            raise self._error("schema_hash", "the hash of a feature schema", schema_hash)
        return BundleInfo(
            name=self._get_name("name"),
            version=self._get_name("version"),
            features=features,
            schema_hash=schema_hash,
            sha256=sha256,
            calibration=Calibration(float(a), float(b)),
            baseline=tuple(None if v is None else float(v) for v in baseline),
            prior=float(prior),
            trained_on=self._get("trained_on", dict),
            metrics=self._get("metrics", dict),
            libraries=self._get("libraries", dict),
            decision=self._get_decision(),
            error_budget=self._get_error_budget(),
        )

    def _get_decision(self) -> DecisionParameters:
        if "decision" not in self._document:
            return DecisionParameters()
        try:
            return DecisionParameters.from_document(self._get("decision", dict))
        except ValueError as error:
            raise ModelError(f"{self._where}: field 'decision': {error}") from None

    def _get_error_budget(self) -> ErrorBudget | None:
        document = self._document.get("error_budget")
        try:
            return None if document is None else ErrorBudget.from_document(document)
        except ValueError as error:
            raise ModelError(f"{self._where}: field 'error_budget': {error}") from None

    def _get(self, name: str, kind: type[_T]) -> _T:
        value = self._document.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise self._error(name, {dict: "an object", str: "a text", int: "a number"}[kind], value)
        return value

    def _get_list(self, name: str) -> list[Any]:
        value = self._document.get(name)
        if not isinstance(value, list | tuple):
            raise self._error(name, "a list", value)
        return list(value)

    def _get_name(self, name: str) -> str:
        value = self._get(name, str)
        if not _NAME.fullmatch(value):
            raise self._error(name, "letters, digits, dot, dash and underscore (64 at most)", value)
        return value

    def _error(self, name: str, expected: str, found: object) -> ModelError:
        shown = "nothing" if found is None else repr(found)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        return ModelError(f"{self._where}: field {name!r}: expected {expected}, found {shown}")


def _is_finite(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_bytes(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot read the model bundle: {error.strerror}") from None
    if len(data) > limit:
        raise ModelError(f"{path}: expected at most {limit} bytes, found more")
    return data


def _version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Orders 2 before 10 and numbers before words."""
    parts = re.split(r"[.\-_]", version)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)
