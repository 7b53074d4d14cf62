"""Opens the control database that the configuration names."""

from __future__ import annotations

import argparse
import getpass
import time
from typing import TYPE_CHECKING

from spit.cli.settings import load_settings
from spit.config import Config
from spit.errors import ConfigError, MissingExtraError
from spit.policy.lists import Lists

if TYPE_CHECKING:
    from spit.engine.control_data import ControlData
    from spit.storage.control import ControlDatabase


def now_us() -> int:
    """By the wall clock, epoch µs."""
    return time.time_ns() // 1_000


def open_control_data(config: Config, lists: Lists, command: str = "serve") -> ControlData | None:
    """What a service keeps in memory of it; None where none is named. Raises SpitError."""
    if not config.storage.url:
        return None
    database = _open(command, config.storage.url)
    from spit.engine.control_data import ControlData

    return ControlData(database, lists, poll_s=config.storage.poll_s, clock=now_us)


def open_database(arguments: argparse.Namespace) -> tuple[Config, ControlDatabase]:
    """The settings and the database of ``--config`` and ``--storage``. Raises SpitError."""
    config = load_settings(arguments.config, {"storage.url": arguments.storage})
    if not config.storage.url:
        raise ConfigError(
            "storage.url: expected a control database, found none: name it with --storage, in the file of "
            "--config, or in SPIT_STORAGE_URL"
        )
    return config, _open(arguments.command, config.storage.url)


def actor() -> str:
    """Who runs this command, for the audit log."""
    try:
        return f"user {getpass.getuser()}"
    except (KeyError, OSError):  # a user without a name, as in containers
        import os

        return f"user {os.getuid()}"


def _open(command: str, url: str) -> ControlDatabase:
    try:
        from spit.storage.control import open_control
    except ImportError as error:
        raise MissingExtraError(command, "storage", error.name or "sqlalchemy") from None
    return open_control(url)
