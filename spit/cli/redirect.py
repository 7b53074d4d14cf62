"""``spit redirect``: answers SBCs over SIP as a redirect server."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING

from spit.cli.control import open_control_data
from spit.cli.detector import build_engine
from spit.cli.log import counter_lines, start_log
from spit.cli.parser import UsageError
from spit.cli.report import DONE, FAILED
from spit.cli.serve import learn
from spit.cli.settings import load_settings, read_again
from spit.cli.signals import Signals
from spit.config import Config, read_token
from spit.enforce.redirect.answer import Ask
from spit.enforce.redirect.engine_ask import EngineAsk
from spit.enforce.redirect.listening import Listener, listen
from spit.enforce.redirect.profile import ResponseMap
from spit.enforce.redirect.service import RedirectService, read_responses, scorer_ask
from spit.engine.engine import Engine
from spit.engine.redirect_metrics import redirect_samples
from spit.errors import ConfigError, ModelError
from spit.export.prometheus import MetricsPage, Sample
from spit.policy.lists import Lists
from spit.policy.policy import Policy
from spit.service.server import event_time, wall_time_us

if TYPE_CHECKING:
    from spit.engine.control_data import ControlData

#: What SIGHUP changes.
_LIVE_KEYS = frozenset({"policy."})

_log = logging.getLogger("spit.redirect")


def run(arguments: argparse.Namespace) -> int:
    """Answer until a signal ends it, and return the exit status."""
    overrides = {
        "redirect.listen": arguments.listen,
        "redirect.profile": arguments.profile,
        "redirect.scorer": arguments.scorer,
        "redirect.token_file": arguments.token_file,
        "redirect.observe": arguments.observe or None,
        "redirect.budget_ms": arguments.budget_ms,
        "redirect.metrics": arguments.metrics,
        "redirect.drain_s": arguments.drain_s,
        "model.path": arguments.model,
        "storage.url": arguments.storage,
    }
    config = load_settings(arguments.config, overrides)
    check_usage(config, arguments)
    responses = read_responses(config.redirect)
    start_log()
    listeners = listen(config.redirect.listen)  # before the captures are read
    try:
        return serve(arguments, overrides, config, responses, listeners)
    finally:
        for listener in listeners:
            listener.socket.close()


def check_usage(config: Config, arguments: argparse.Namespace) -> None:
    """Raises UsageError where settings do not go together."""
    redirect = config.redirect
    if not redirect.listen:
        raise UsageError("nowhere to listen: expected --listen HOST:PORT")
    if not redirect.profile:
        raise UsageError("what a response means differs by SBC: expected --profile NAME")
    if redirect.scorer and arguments.read:
        raise UsageError("either a scorer is asked or captures are learned: --scorer goes without --read")
    if redirect.scorer and arguments.storage:
        raise UsageError("the lists are the scorer's to ask: --scorer goes without --storage")


def serve(
    arguments: argparse.Namespace,
    overrides: Mapping[str, object],
    config: Config,
    responses: ResponseMap,
    listeners: list[Listener],
) -> int:
    """Serve ``listeners``, and the exit status."""
    redirect = config.redirect
    ask: Ask
    engine: Engine | None = None
    control: ControlData | None = None
    lists = Lists()
    if redirect.scorer:
        ask = scorer_ask(redirect, read_token(redirect.token_file) if redirect.token_file else "")
    else:
        control = open_control_data(config, lists, "redirect")
        engine = build_engine(config)
        engine.policy = Policy(config.policy, lists=lists)
        learned = learn(engine, config, arguments.read, restored=False)
        ask = EngineAsk(
            engine,
            config.core_settings(),
            # An engine that only knows captures of the past is asked about their time.
            time_source=event_time(engine) if learned else wall_time_us,
            observe=redirect.observe,
        )
    signals = Signals()
    signals.install()
    ended: list[bool] = []

    def on_end() -> None:
        ended.append(True)
        signals.stop()

    service = RedirectService(redirect, responses, ask, listeners, on_end=on_end)

    def samples() -> list[Sample]:
        own = redirect_samples(service.counters(), service.levels())
        return [*own, *(control.samples() if control is not None else [])]

    page = MetricsPage(redirect.metrics, samples, key="redirect.metrics") if redirect.metrics else None
    if page is not None:
        _log.info("metrics on http://%s/metrics", page.address)
    if control is not None:
        control.start()
    service.start()

    def reload() -> None:
        nonlocal config
        try:
            new, line = read_again(arguments.config, overrides, config, _LIVE_KEYS)
            if engine is not None:
                engine.policy = Policy(new.policy, lists=lists)
        except (ConfigError, ModelError) as error:
            _log.error("configuration kept as it was: %s", error)
            return
        config = new
        _log.info("%s", line)

    signals.wait(reload)
    failed = bool(ended)
    if not service.stop(redirect.drain_s) and not failed:
        _log.warning("not every call had its answer acknowledged in time")
    if page is not None:
        page.close()
    if control is not None:
        control.close()
    counters = {**service.counters(), **({} if engine is None else engine.counters())}
    _log.info("ended: %s", counter_lines(counters))
    return FAILED if failed else DONE
