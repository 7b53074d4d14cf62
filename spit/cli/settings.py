"""The configuration file with the flags over it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from spit.capture.numbers import with_region
from spit.config import Config, changed_keys, load_config


def load_settings(path: str | None, overrides: Mapping[str, object] | None = None) -> Config:
    """Read the file ``path``, then ``overrides`` (``{"model.path": "models/mine"}``; None: flag not given).

    Environment variables (``SPIT_SECTION_KEY``) go over the file and under the flags. The rules of
    a region are filled in. Raises ConfigError.
    """
    config = load_config(None if path is None else Path(path), overrides, os.environ)
    return with_region(config, "defaults" if path is None else path)


def capture_settings(path: str | None) -> dict[str, object]:
    """What the capture reader takes of the configuration file ``path``. Raises ConfigError."""
    return load_settings(path).core_settings()


def live_overrides(arguments: argparse.Namespace) -> dict[str, object]:
    """What the flags of ``spit agent`` and ``spit serve`` have in common says over the file."""
    return {
        "agent.interface": arguments.interface,
        "agent.hep": arguments.hep,
        "agent.workers": arguments.workers,
        "agent.user": arguments.user,
        "agent.decoder": arguments.decoder,
    }


def read_again(
    path: str | None,
    overrides: Mapping[str, object],
    old: Config,
    live_keys: frozenset[str],
    *,
    adjust: Callable[[Config], Config] = lambda config: config,
) -> tuple[Config, str]:
    """The configuration now, and a line that says what changed and what of it takes a restart.

    ``live_keys``: keys, or tables as ``policy.``, that can change while the command runs. ``adjust``: what
    made ``old`` of the configuration that was read first. Raises ConfigError.
    """
    new = adjust(load_settings(path, overrides))
    changed = changed_keys(old, new)
    at_once = [key for key in changed if key in live_keys or f"{key.partition('.')[0]}." in live_keys]
    later = [key for key in changed if key not in at_once]
    line = f"configuration read again; changed: {', '.join(at_once) or 'nothing'}"
    return new, line + (f"; takes a restart: {', '.join(later)}" if later else "")
