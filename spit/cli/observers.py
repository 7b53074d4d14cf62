"""Who looks on at an engine that serves: the challenger, drift, feedback, records, verdicts, grey callers."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from spit.cli.detector import load_challenger
from spit.config import Config
from spit.enforce.feed import VerdictFeed
from spit.engine.drift import DriftMonitor
from spit.engine.feedback import Feedback, FeedbackLimits, Report
from spit.engine.feedback_store import FeedbackStore
from spit.engine.grey_state import GreyState
from spit.engine.observers import Observers
from spit.engine.verdict_changes import VerdictChanges
from spit.errors import ConfigError
from spit.features.table import FeatureTable
from spit.model.bundle import resolve_bundle_path
from spit.model.reference import Reference, read_reference
from spit.policy.lists import Lists

if TYPE_CHECKING:
    from spit.engine.call_records import CallRecords
    from spit.storage.pseudonyms import Pseudonyms


def load_reference(config: Config) -> Reference | None:
    """What the model of ``[model]`` was trained on; None where its bundle does not tell. Raises
    ModelError.
    """
    return read_reference(resolve_bundle_path(Path(config.model.path) if config.model.path else None))


def open_verdicts(config: Config) -> VerdictChanges:
    """An empty feed, and who fills it."""
    feed = VerdictFeed(
        history=config.verdicts.history,
        max_callers=config.verdicts.max_callers,
        # In ms: more changes than that in a row there are not, so numbers rise also across restarts.
        first_sequence=time.time_ns() // 1_000_000,
        ttls_s=(config.redis.ttl_s, config.kamailio.ttl_s),
    )
    return VerdictChanges(feed, clock=time.monotonic)


def open_observers(
    config: Config, on_appeal: Callable[[Report], None] | None = None, lists: Lists | None = None
) -> Observers:
    """Those who look on at an engine that serves. Raises SpitError.

    ``on_appeal``: told of each appeal; ``lists``: tell of decoys beside the configured ones, and remember
    grey callers.
    """
    lists = lists or Lists()
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
            is_decoy=lists.is_decoy,
            limits=limits,
            on_appeal=on_appeal,
        )
    drift = DriftMonitor(FeatureTable.names, load_reference(config))
    return Observers(
        load_challenger(config),
        drift,
        feedback,
        open_records(config),
        open_verdicts(config),
        GreyState(lists.grey),
    )


def open_records(config: Config) -> CallRecords | None:
    """Where finished calls go; None where no folder is named. Raises ConfigError."""
    settings = config.records
    if not settings.directory:
        return None
    # Parquet takes a while to import, and most commands have no records.
    from spit.engine.call_records import CallRecords, RecordLimits
    from spit.storage.call_files import CallFiles

    limits = RecordLimits(
        flush_s=float(settings.flush_s),
        flush_rows=settings.flush_rows,
        retention_days=settings.retention_days,
        max_bytes=settings.max_mib * 2**20,
    )
    return CallRecords(
        CallFiles(Path(settings.directory)),
        limits,
        pseudonyms=open_pseudonyms(config),
        wait_for_save=bool(config.service.state),
        clock=time.monotonic,
        wall_s=time.time,
    )


def open_pseudonyms(config: Config) -> Pseudonyms | None:
    """Those of ``[records]``; None where identities stay as they are. Raises ConfigError."""
    if not config.records.pseudonymise:
        return None
    from spit.storage.pseudonyms import Pseudonyms, read_key

    return Pseudonyms(read_key(Path(config.records.pseudonym_key_file)), config.core_settings())
