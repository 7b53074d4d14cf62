"""The engine that the commands drive: features, the model that the configuration names, the policy."""

from __future__ import annotations

from pathlib import Path

from spit.config import Config
from spit.engine.engine import Engine
from spit.features.table import FeatureTable
from spit.model.bundle import load_default
from spit.model.scorer import Model
from spit.policy.policy import Policy


def load_model(config: Config) -> Model:
    """The model of ``[model]``, else the shipped one.

    Raises ModelError when it is damaged or was made for other features.
    """
    path = Path(config.model.path) if config.model.path else None
    return load_default(path, schema_hash=FeatureTable.schema_hash)


def build_engine(config: Config) -> Engine:
    """An engine that has seen nothing. Raises ModelError as ``load_model`` does."""
    return Engine(load_model(config), Policy(config.policy))
