"""``spit agent``: captures live traffic and gives its call events to scorers, or writes them."""

from __future__ import annotations

import argparse
import logging
import random
import socket
import threading
import time
from pathlib import Path

from spit.capture.live import LiveSource, can_save_calls, save_calls
from spit.cli.capturing import give_up_privileges, open_capture, opened_line, scorer_addresses
from spit.cli.event_lines import EventLines
from spit.cli.log import counter_lines, start_log
from spit.cli.parser import UsageError
from spit.cli.report import DONE, FAILED, print_error
from spit.cli.settings import live_overrides, load_settings, read_again
from spit.cli.signals import Signals
from spit.config import Config, read_token
from spit.engine import checkpoint
from spit.engine.live import EventSink, LiveIntake
from spit.engine.periodic import PeriodicSave, restored_line
from spit.errors import ConfigError, InputError
from spit.export.metrics import export_samples
from spit.export.outbox import Outbox
from spit.export.prometheus import MetricsPage, Sample
from spit.export.sender import Sender
from spit.export.spool import Spool

#: What SIGHUP changes; the token's file is always read again.
_LIVE_KEYS = frozenset({"agent.scorer", "agent.token_file"})

_log = logging.getLogger("spit.agent")


def run(arguments: argparse.Namespace) -> int:
    """Capture until a signal ends it, and return the exit status."""
    overrides = {
        **live_overrides(arguments),
        "agent.scorer": arguments.scorer,
        "agent.token_file": arguments.token_file,
        "agent.agent_id": arguments.agent_id,
        "agent.spool": arguments.spool,
        "agent.output": arguments.output,
        "agent.metrics": arguments.metrics,
        "agent.checkpoint": arguments.checkpoint,
        "agent.checkpoint_s": arguments.checkpoint_s,
        "agent.drain_s": arguments.drain_s,
    }
    config = load_settings(arguments.config, overrides)
    check_usage(config)
    start_log()
    token = read_token(config.agent.token_file) if config.agent.token_file else ""
    directory = Path(config.agent.checkpoint) if config.agent.checkpoint else None
    calls = restore_calls(directory) if directory is not None else None
    source = open_capture(config, excluded=scorer_addresses(config.agent.scorer), state=calls)
    give_up_privileges(config.agent)
    delivery: Delivery | None = None
    lines: EventLines | None = None
    sink: EventSink
    if config.agent.scorer:
        delivery = Delivery(config, token)
        sink = delivery.outbox
    else:
        sink = lines = EventLines(config.agent.output or "-")
    signals = Signals()
    signals.install()

    def spool_drops() -> dict[str, int]:
        dropped = 0 if delivery is None else delivery.spool.counters()["spool_events_dropped"]
        return {"spool_events_dropped": dropped}

    intake = LiveIntake(source, sink, clock=time.monotonic, on_end=signals.stop, also_watched=spool_drops)
    saving = start_saving(directory, source, config.agent.checkpoint_s) if directory is not None else None

    def counters() -> dict[str, int]:
        own = intake.counters()
        own.update(delivery.counters() if delivery is not None else {})
        own.update(saving.counters() if saving is not None else {})
        return own

    def samples() -> list[Sample]:
        own = intake.samples()
        if delivery is not None:
            own += export_samples(delivery.counters(), delivery.spool.levels())
        if saving is not None:
            own += saving.samples()
        return own

    page = MetricsPage(config.agent.metrics, samples) if config.agent.metrics else None
    if page is not None:
        _log.info("metrics on http://%s/metrics", page.address)
    intake.start()
    _log.info("%s", opened_line(config.agent, source))
    if delivery is not None:
        delivery.start()

    def reload() -> None:
        nonlocal config
        try:
            new, line = read_again(arguments.config, overrides, config, _LIVE_KEYS)
            check_usage(new)
            new_token = read_token(new.agent.token_file) if new.agent.token_file else ""
        except (ConfigError, UsageError) as error:
            _log.error("configuration kept as it was: %s", error)
            return
        config = new
        if delivery is not None and config.agent.scorer:
            delivery.sender.configure(config.agent.scorer, new_token)
        _log.info("%s", line)

    signals.wait(reload)

    failure = intake.failure()
    until_s = time.monotonic() + config.agent.drain_s
    _log.info("ending: what was captured is taken to its end within %d s", config.agent.drain_s)
    intake.stop()
    if not intake.join(until_s - time.monotonic()):
        _log.warning("not all that was queued could be read in time")
    elif delivery is not None:
        delivery.outbox.flush()
    if delivery is not None:
        delivery.finish(until_s)
    if lines is not None:
        lines.close()
    if saving is not None:
        saving.finish(max(until_s - time.monotonic(), 1.0))
    if page is not None:
        page.close()
    _log.info("ended: %s", counter_lines(counters()))
    if failure is not None and "nobody reads" not in failure:
        print_error(failure)
        return FAILED
    return DONE


def check_usage(config: Config) -> None:
    """Raises UsageError where settings do not go together."""
    agent = config.agent
    if not agent.interface and not agent.hep:
        raise UsageError("nothing to capture: expected --interface NAME or --hep HOST:PORT")
    if agent.scorer and agent.output:
        raise UsageError("events go either to scorers or to --output, not to both")
    if agent.scorer and not agent.spool:
        raise UsageError("--scorer needs --spool DIR: events wait there while no scorer takes them")


class Delivery:
    """Outbox, spool and sender of one agent."""

    def __init__(self, config: Config, token: str) -> None:
        agent = config.agent
        self.spool = Spool(
            Path(agent.spool),
            max_bytes=agent.spool_max_mib * 2**20,
            first_number=time.time_ns() // 1_000_000,
        )
        waiting = self.spool.levels()
        if waiting["spool_batches"]:
            _log.info(
                "%d events in %d batches wait in the spool; they go first",
                waiting["spool_events"],
                waiting["spool_batches"],
            )
        self.outbox = Outbox(self.spool, clock=time.monotonic)
        self._stopping = threading.Event()
        self._until_s = 0.0
        self.sender = Sender(
            self.spool,
            agent.scorer,
            agent_id=agent.agent_id or socket.gethostname(),
            token=token,
            clock=time.monotonic,
            pause=self._stopping.wait,
            jitter=random.random,
        )
        self._thread = threading.Thread(target=self._deliver, name="sender", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def finish(self, until_s: float) -> None:
        """Send what waits until ``until_s`` of the monotonic clock; the rest stays for the next run."""
        self._until_s = until_s
        self._stopping.set()
        self.spool.wake()
        # A request that is on its way may take its timeout: the batch stays in the spool then.
        self._thread.join(max(until_s - time.monotonic(), 0.0))
        waiting = self.spool.levels()
        if waiting["spool_batches"]:
            _log.warning(
                "%d events in %d batches stay in the spool for the next run",
                waiting["spool_events"],
                waiting["spool_batches"],
            )
        self.spool.close()

    def counters(self) -> dict[str, int]:
        """Everything sent, dropped, rejected."""
        return {**self.outbox.counters(), **self.spool.counters(), **self.sender.counters()}

    def _deliver(self) -> None:
        self.sender.run()
        self.sender.drain(self._until_s)
        self.sender.close()


def restore_calls(directory: Path) -> bytes | None:
    """The calls that were open when the last run saved them; says what time is missing."""
    if not checkpoint.has_state(directory):
        return None
    try:
        saved_at_us, calls = checkpoint.load_tracker(directory)
    except InputError as error:
        place = checkpoint.set_aside(directory)
        _log.error("starting without the saved calls, which are now in %s: %s", place, error)
        return None
    line = restored_line(
        "open calls",
        saved_at_us=saved_at_us,
        last_alive_us=checkpoint.last_alive_us(directory),
        now_us=time.time_ns() // 1_000,
    )
    _log.info("%s", line)
    return calls


def start_saving(directory: Path, source: LiveSource, interval_s: int) -> PeriodicSave | None:
    """Save the open calls periodically, where the source can tell them."""
    if not can_save_calls(source):
        _log.warning("this capture cannot save its open calls: a restart forgets them")
        return None

    def save() -> None:
        saved_at_us = time.time_ns() // 1_000
        checkpoint.save_tracker(directory, save_calls(source) or b"", saved_at_us=saved_at_us)

    saving = PeriodicSave(directory, save, interval_s=interval_s, clock=time.monotonic)
    saving.start()
    return saving
