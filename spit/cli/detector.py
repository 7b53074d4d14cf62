"""The engine that the commands drive: features, the model that the configuration names, the policy."""

from __future__ import annotations

from pathlib import Path

from spit.config import Config
from spit.engine.engine import Engine
from spit.features.table import FeatureTable
from spit.model.bundle import load_default
from spit.policy.policy import Policy

#: Callers whose state is kept; idle ones are evicted first.
MAX_CALLERS = 1_000_000


def build_engine(config: Config) -> Engine:
    """An engine that has seen nothing. Raises ModelError when the model is damaged or fits other features."""
    features = FeatureTable(max_keys=MAX_CALLERS)
    path = Path(config.model.path) if config.model.path else None
    model = load_default(path, schema_hash=features.schema_hash)
    return Engine(model, Policy(config.policy), features=features, max_callers=MAX_CALLERS)
