"""The engine that the commands drive: features, the model that the configuration names, the policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spit.config import Config
from spit.engine.challenger import Challenger
from spit.engine.engine import Engine, Observer, SavedObserver
from spit.features.table import FeatureTable
from spit.model.bundle import load_bundle, load_default, resolve_bundle_path
from spit.model.scorer import Model
from spit.policy.policy import Policy


def load_model(config: Config) -> Model:
    """The model of ``[model]``, else the shipped one.

    Raises ModelError when it is damaged or was made for other features.
    """
    path = Path(config.model.path) if config.model.path else None
    return load_default(path, schema_hash=FeatureTable.schema_hash)


def build_engine(
    config: Config, observers: Sequence[Observer] = (), saved: Sequence[SavedObserver] = ()
) -> Engine:
    """An engine that has seen nothing. Raises ModelError as ``load_model`` does."""
    return Engine(load_model(config), Policy(config.policy), observers=observers, saved=saved)


def load_challenger(config: Config) -> Challenger | None:
    """The challenger of ``[model]``; None where none is named. Raises ModelError."""
    if not config.model.challenger:
        return None
    path = resolve_bundle_path(Path(config.model.challenger))
    model = load_bundle(path, schema_hash=FeatureTable.schema_hash)
    return Challenger(model, champion=load_model(config))
