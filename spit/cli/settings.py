"""The configuration file with the flags over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from spit.config import Config, load_config


def load_settings(path: str | None, overrides: Mapping[str, object] | None = None) -> Config:
    """Read the file ``path``, then ``overrides`` (``{"model.path": "models/mine"}``; None: flag not given).

    Raises ConfigError.
    """
    return load_config(None if path is None else Path(path), overrides)


def capture_settings(path: str | None) -> dict[str, object]:
    """What the capture reader takes of the configuration file ``path``. Raises ConfigError."""
    return load_settings(path).core_settings()
