"""``spit serve``: answers SBCs over HTTP."""

from __future__ import annotations

import argparse

from spit.capture.files import CaptureFiles
from spit.cli.detector import build_engine
from spit.cli.progress import Progress
from spit.cli.report import DONE, print_error
from spit.cli.settings import load_settings
from spit.errors import MissingExtraError


def run(arguments: argparse.Namespace) -> int:
    """Learn the captures named by ``--read``, then serve until a signal ends it."""
    try:
        import fastapi  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("serve", "service", error.name or "fastapi") from None
    from spit.service.server import check_host, event_time, serve, wall_time_us

    config = load_settings(
        arguments.config,
        {
            "service.host": arguments.host,
            "service.port": arguments.port,
            "service.allow_public": arguments.allow_public or None,
            "model.path": arguments.model,
        },
    )
    check_host(config.service)  # before the captures are read
    engine = build_engine(config)
    if not arguments.read:
        serve(engine, config, time_source=wall_time_us)
        return DONE
    capture = CaptureFiles(arguments.read, config.core_settings())
    with Progress(None) as progress:
        for events in capture.events():
            engine.observe(events)
            progress.read(*capture.progress())
    # Damage is told and no reason to stay silent towards the SBC: what was read up to it counts.
    for damage in capture.damages():
        print_error(damage)
    serve(engine, config, time_source=event_time(engine))
    return DONE
