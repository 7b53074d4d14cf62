"""The engine that the commands drive: features, the model that the configuration names, the policy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from spit.config import Config
from spit.engine.challenger import Challenger
from spit.engine.drift import DriftMonitor
from spit.engine.engine import Engine, Observer
from spit.engine.feedback import Feedback, FeedbackLimits, Report
from spit.engine.feedback_store import FeedbackStore
from spit.engine.observers import Observers
from spit.errors import ConfigError
from spit.features.table import FeatureTable
from spit.model.bundle import load_bundle, load_default, resolve_bundle_path
from spit.model.reference import Reference, read_reference
from spit.model.scorer import Model
from spit.policy.lists import Lists
from spit.policy.policy import Policy


def load_model(config: Config) -> Model:
    """The model of ``[model]``, else the shipped one.

    Raises ModelError when it is damaged or was made for other features.
    """
    path = Path(config.model.path) if config.model.path else None
    return load_default(path, schema_hash=FeatureTable.schema_hash)


def build_engine(config: Config, observers: Sequence[Observer] = ()) -> Engine:
    """An engine that has seen nothing. Raises ModelError as ``load_model`` does."""
    return Engine(load_model(config), Policy(config.policy), observers=observers)


def load_challenger(config: Config) -> Challenger | None:
    """The challenger of ``[model]``; None where none is named. Raises ModelError."""
    if not config.model.challenger:
        return None
    path = resolve_bundle_path(Path(config.model.challenger))
    model = load_bundle(path, schema_hash=FeatureTable.schema_hash)
    return Challenger(model, champion=load_model(config))


def load_reference(config: Config) -> Reference | None:
    """What the model of ``[model]`` was trained on; None where its bundle does not tell. Raises
    ModelError.
    """
    return read_reference(resolve_bundle_path(Path(config.model.path) if config.model.path else None))


def open_observers(
    config: Config, on_appeal: Callable[[Report], None] | None = None, lists: Lists | None = None
) -> Observers:
    """Those who look on at an engine that serves. Raises SpitError.

    ``on_appeal``: told of each appeal; ``lists``: tell of decoys beside the configured ones.
    """
    feedback = None
    settings = config.feedback
    if settings.store:
        path = Path(settings.store)
        try:
            store = FeedbackStore(path)
            key = store.key()
        except OSError as error:
            raise ConfigError(f"feedback.store: cannot use {path}: {error.strerror or error}") from None
        limits = FeedbackLimits(
            reports_per_day=settings.reports_per_day, last_call_s=float(settings.last_call_s)
        )
        feedback = Feedback(
            store,
            key=key,
            decoys=settings.decoys,
            is_decoy=(lists or Lists()).is_decoy,
            limits=limits,
            on_appeal=on_appeal,
        )
    drift = DriftMonitor(FeatureTable.names, load_reference(config))
    return Observers(load_challenger(config), drift, feedback)
