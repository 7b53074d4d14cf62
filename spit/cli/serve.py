"""``spit serve``: answers SBCs over HTTP; on one machine it captures too."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from spit.capture.files import CaptureFiles
from spit.capture.live import LiveSource, save_calls
from spit.cli.capturing import give_up_privileges, host_addresses, open_capture, opened_line
from spit.cli.control import open_control_data
from spit.cli.detector import build_engine
from spit.cli.log import counter_lines, start_log
from spit.cli.observers import open_observers
from spit.cli.progress import Progress
from spit.cli.pushing import listed_for_all, open_push
from spit.cli.redirecting import Redirecting, open_redirect
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.settings import live_overrides, load_settings, read_again
from spit.cli.signals import Signals
from spit.config import Config, read_token
from spit.engine import checkpoint
from spit.engine.durability import journal_samples, open_journal, save_with_journal
from spit.engine.engine import Engine
from spit.engine.feedback import Report
from spit.engine.live import LiveIntake
from spit.engine.observers import Observers
from spit.engine.periodic import PeriodicSave, restored_line
from spit.engine.pushing import VerdictPush
from spit.errors import ConfigError, InputError, MissingExtraError, ModelError
from spit.export.prometheus import Sample
from spit.policy.lists import Lists
from spit.policy.policy import Policy
from spit.storage.journal import Journal, Position

if TYPE_CHECKING:
    from spit.engine.call_records import CallRecords
    from spit.service.keyring import KeyRing
    from spit.service.server import HttpService

#: What SIGHUP changes; the files of token, keys and certificate are always read again.
_LIVE_KEYS = frozenset({"policy.", "service.agent_token_file", "service.keys_file"})

_log = logging.getLogger("spit.serve")


def run(arguments: argparse.Namespace) -> int:
    """Restore or learn, then capture and serve until a signal ends it; the exit status."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("serve", "service", error.name or "fastapi") from None
    from spit.service.server import listen

    overrides = {
        **live_overrides(arguments),
        "service.host": arguments.host,
        "service.port": arguments.port,
        "service.allow_public": arguments.allow_public or None,
        "service.state": arguments.state,
        "service.checkpoint_s": arguments.checkpoint_s,
        "service.drain_s": arguments.drain_s,
        "model.path": arguments.model,
        "model.challenger": arguments.challenger,
        "feedback.store": arguments.feedback,
        "storage.url": arguments.storage,
    }
    config = captured_by_flags(load_settings(arguments.config, overrides), arguments)
    start_log(json_lines=config.service.log_format == "json")
    keys = read_key_rings(config)
    with listen(
        config.service, has_keys=bool(keys) or bool(config.storage.url)
    ) as listener:  # before the captures are read
        return serve(arguments, overrides, config, listener)


def serve(
    arguments: argparse.Namespace, overrides: Mapping[str, object], config: Config, listener: socket.socket
) -> int:
    """Serve on ``listener``, and the exit status."""
    from spit.service.server import HttpService, check_host, event_time, wall_time_us

    token, keys = read_agent_token(config), read_key_rings(config)
    directory = Path(config.service.state) if config.service.state else None
    redirecting = open_redirect(config)
    source: LiveSource | None = None
    if config.agent.interface or config.agent.hep:
        host, port = listener.getsockname()[:2]
        calls = checkpoint.open_calls(directory) if directory is not None else None
        source = open_capture(config, excluded=host_addresses(host, port), state=calls)
    give_up_privileges(config.agent)  # before the model's threads are there, which would keep theirs

    def charge(appeal: Report) -> None:
        engine.report_wrong_block(appeal.time_us, appeal.caller)

    lists = Lists()
    control = open_control_data(config, lists)
    stored_keys: list[KeyRing] = [] if control is None else [control]
    observers = open_observers(config, on_appeal=charge, lists=lists)
    engine, restored, journal = restore(config, directory, observers)
    engine.policy = Policy(config.policy, lists=lists)
    if observers.verdicts is not None:
        engine.own_answers.held = observers.verdicts.feed.held
    learned = learn(engine, config, arguments.read, restored=restored)
    # An engine that only knows captures of the past is asked about their time.
    past = learned and source is None and directory is None
    now_us = event_time(engine) if past else wall_time_us
    push = open_push(config, observers, engine, now_us)
    push.follow_lists(lambda: lists.index, lambda: listed_for_all(lists.index.entries()))

    signals = Signals()
    signals.install()
    intake: LiveIntake | None = None
    if source is not None:
        intake = LiveIntake(source, EngineSink(engine), clock=time.monotonic, on_end=lambda: None)
    saving = start_saving(directory, engine, source, config.service.checkpoint_s)
    if observers.records is not None:
        if saving is not None:
            observers.records.on_full = saving.soon
        observers.records.start()

    def samples() -> list[Sample]:
        own = intake.samples() if intake is not None else []
        own += redirecting.samples() if redirecting is not None else []
        own += saving.samples() if saving is not None else []
        own += journal_samples(journal) if journal is not None else []
        return [*own, *push.samples()]

    service = HttpService(
        engine,
        config,
        listener,
        time_source=now_us,
        failure=None if intake is None else intake.failure,
        samples=samples,
        token=token,
        keys=[*keys, *stored_keys],
        on_end=signals.stop,
        observers=observers,
        control=control,
    )
    if control is not None:
        control.start()
    if intake is not None and source is not None:
        intake.start()
        _log.info("%s", opened_line(config.agent, source))
    push.start()
    service.start()
    if redirecting is not None:
        redirecting.start(engine, time_source=now_us, on_end=signals.stop)

    def reload() -> None:
        nonlocal config
        try:
            new, line = read_again(
                arguments.config,
                overrides,
                config,
                _LIVE_KEYS,
                adjust=lambda read: captured_by_flags(read, arguments),
            )
            new_token, new_keys = read_agent_token(new), read_key_rings(new)
            check_host(new.service, has_keys=bool(new_keys) or control is not None)
            policy = Policy(new.policy, lists=lists)
            service.renew_certificate(new.service)
            engine.policy = policy
        except (ConfigError, ModelError) as error:
            _log.error("configuration kept as it was: %s", error)
            return
        config = new
        service.configure(config.policy, new_token, [*new_keys, *stored_keys])
        _log.info("%s", line)

    signals.wait(reload)
    status = end(config, intake, service, saving, push, engine, observers.records, redirecting)
    if control is not None:
        control.close()
    return status


def end(
    config: Config,
    intake: LiveIntake | None,
    service: HttpService,
    saving: PeriodicSave | None,
    push: VerdictPush,
    engine: Engine,
    records: CallRecords | None,
    redirecting: Redirecting | None = None,
) -> int:
    """Drain and save within ``service.drain_s``: first what was captured, then requests, then the state."""
    status = DONE
    until_s = time.monotonic() + config.service.drain_s
    if intake is not None:
        intake.stop()
        if not intake.join(until_s - time.monotonic()):
            _log.warning("not all that was queued could be counted in time")
    if redirecting is not None:
        redirecting.stop(max(until_s - time.monotonic(), 1.0))
    if not service.stop(max(until_s - time.monotonic(), 1.0)):
        _log.warning("not all requests could be answered in time")
    if not push.stop(max(until_s - time.monotonic(), 1.0)):
        _log.warning("not all verdicts could be pushed in time")
    if records is not None:
        records.flush_at_save()
    # Saved in any case: it is what the restart goes on from.
    if saving is not None and not saving.finish(max(until_s - time.monotonic(), 1.0)):
        _log.error("the last state could not be saved")
        status = FAILED
    if records is not None:
        records.close(max(until_s - time.monotonic(), 1.0))
    if engine.journal is not None:
        engine.journal.close()
    counters = {} if intake is None else intake.counters()
    counters.update(engine.counters())
    counters.update({} if saving is None else saving.counters())
    counters.update({} if redirecting is None else redirecting.counters())
    _log.info("ended: %s", counter_lines(counters))
    return status


class EngineSink:
    """Counts live events."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def take(self, events: pa.RecordBatch) -> None:
        """Fold and score them."""
        self._engine.observe(self._engine.own_answers.mask(events))

    def idle(self) -> None:
        """Nothing is held back."""

    def flush(self) -> None:
        """Nothing is held back."""


def captured_by_flags(config: Config, arguments: argparse.Namespace) -> Config:
    """Only flags make ``serve`` capture: one file may configure an agent and a scorer of the same machine."""
    agent = dataclasses.replace(
        config.agent,
        interface=config.agent.interface if arguments.interface else (),
        hep=config.agent.hep if arguments.hep else (),
    )
    return dataclasses.replace(config, agent=agent)


def read_agent_token(config: Config) -> str:
    """What agents must show; empty for nothing. Raises ConfigError."""
    file = config.service.agent_token_file
    return read_token(file) if file else ""


def read_key_rings(config: Config) -> list[KeyRing]:
    """Those who know the keys of who may ask; none where everybody may. Raises ConfigError."""
    from spit.service.keyring import read_keys

    file = config.service.keys_file
    return [read_keys(Path(file))] if file else []


def restore(
    config: Config, directory: Path | None, observers: Observers
) -> tuple[Engine, bool, Journal | None]:
    """An engine, whether it goes on from a saved state, and the journal of what was accepted since.

    A state that cannot be used (damaged, or of a version with other features) is put aside and said: calls
    pass unscored for a while, but they are counted from now on, which no service at all would not do.
    """
    engine = build_engine(config, observers.all(), observers.saved())
    if directory is None:
        return engine, False, None
    position, is_restored = Position(), False
    if checkpoint.has_state(directory):
        try:
            restored = engine.load(directory)
        except InputError as error:
            place = checkpoint.set_aside(directory)
            _log.error("starting without the saved state, which is now in %s: %s", place, error)
            engine = build_engine(config, observers.all(), observers.saved())
        else:
            position, is_restored = restored.position, True
            counters = engine.counters()
            line = restored_line(
                f"{counters['callers']} callers, {counters['events']} events",
                saved_at_us=restored.saved_at_us,
                last_alive_us=checkpoint.last_alive_us(directory),
                now_us=time.time_ns() // 1_000,
            )
            _log.info("%s", line)
    journal = open_journal(engine, directory, position, always=config.service.journal_sync == "always")
    return engine, is_restored, journal


def learn(engine: Engine, config: Config, captures: list[str], *, restored: bool) -> bool:
    """Count the calls of ``captures``; whether that was done."""
    if not captures:
        return False
    if restored:
        _log.info("captures of --read are not read again: the restored state holds them")
        return False
    capture = CaptureFiles(captures, config.core_settings())
    with Progress(None) as progress:
        for events in capture.events():
            engine.observe(events)
            progress.read(*capture.progress())
    # Damage is told and no reason to stay silent towards the SBC: what was read up to it counts.
    for damage in capture.damages():
        print_error(damage)
    return True


def start_saving(
    directory: Path | None, engine: Engine, source: LiveSource | None, interval_s: int
) -> PeriodicSave | None:
    """Save the engine, and the open calls where the capture can tell them, periodically."""
    if directory is None:
        return None

    def save() -> None:
        saved_at_us = time.time_ns() // 1_000
        # Calls first: an event between the two is counted and its call is open, never lost.
        calls = save_calls(source) if source is not None else None
        save_with_journal(engine, directory, saved_at_us=saved_at_us, tracker=calls)

    saving = PeriodicSave(directory, save, interval_s=interval_s, clock=time.monotonic)
    saving.start()
    return saving
