"""The forests of a model that learns from an operator's own calls, and what a model that was there before
says beside them (docs/decisions/0013).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spit.engine.learned_rows import I64, U64, Mask
from spit.errors import ModelError
from spit.features.table import FeatureTable
from spit.model.bundle import ONNX_FILE, Calibration, load_bundle, read_bundle_info
from spit.model.conversion import MAX_SHIPPED_ONNX_BYTES
from spit.model.scorer import Model
from spit.model.train import Member

#: Each forest leaves one of so many folds of the callers out.
FOLDS = 5
#: Trees of each forest.
TREES = 40
#: With n labelled spam callers the model beside counts 1 + SPAM_CALLERS / n times as much as the own forests.
SPAM_CALLERS = 300.0
#: What the own forests need of the bytes that are shipped.
_OWN_BYTES = 500_000
_FIRST_SALT, _SALTS_TRIED = 45, 20


@dataclass(frozen=True, slots=True)
class Beside:
    """A model that keeps its say: what it is, the bytes of its trees, and their calibration."""

    model: Model
    onnx: bytes
    calibration: Calibration

    @classmethod
    def load(cls, path: Path) -> Beside:
        """The bundle in directory ``path``. Raises ModelError, also where it was trained for other features
        or leaves no room for own forests, as who learned beside one that learned beside one does."""
        model = load_bundle(path, schema_hash=FeatureTable.schema_hash)
        onnx = (path / ONNX_FILE).read_bytes()
        most = MAX_SHIPPED_ONNX_BYTES - _OWN_BYTES
        if len(onnx) > most:
            raise ModelError(
                f"{path}: expected at most {most} bytes of trees in a model to learn beside, "
                f"found {len(onnx)}; name one that it learned beside itself, or the shipped one"
            )
        return cls(model, onnx, read_bundle_info(path).calibration)


def folds_of(callers: U64, salt: int) -> I64:
    """int64[n]: the fold of each caller, by its key; another for another ``salt``."""
    mixed = (callers ^ np.uint64(salt)) * np.uint64(0x9E37_79B9_7F4A_7C15)
    return ((mixed >> np.uint64(11)) % np.uint64(FOLDS)).astype(np.int64)


def choose_salt(callers: U64, spam: Mask) -> int:
    """Of ``folds_of``: the first under which spam and legitimate callers are left whichever fold is left out.

    Where labels are few, chance may put all spam callers into one fold.
    """
    for salt in range(_FIRST_SALT, _FIRST_SALT + _SALTS_TRIED):
        folds = folds_of(callers, salt)
        if all(len(np.unique(folds[side])) > 1 for side in (spam, ~spam)):
            return salt
    return _FIRST_SALT  # training says what is missing


def beside_weight(spam_callers: int) -> float:
    """What the model beside counts relative to the own forests together."""
    return 1.0 + SPAM_CALLERS / max(1, spam_callers)


def members_of(seeds: Collection[int], spam_callers: int, beside: Beside | None) -> Sequence[Member]:
    """A forest for each fold, grown without it, and the model beside them."""
    own = [Member(seeds, fold=fold, weight=1.0 / FOLDS) for fold in range(FOLDS)]
    if beside is None:
        return own
    return [*own, Member((), onnx=beside.onnx, weight=beside_weight(spam_callers))]
