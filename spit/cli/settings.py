"""The configuration file with the flags over it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from spit.capture.numbers import with_region
from spit.config import Config, load_config


def load_settings(path: str | None, overrides: Mapping[str, object] | None = None) -> Config:
    """Read the file ``path``, then ``overrides`` (``{"model.path": "models/mine"}``; None: flag not given).

    The rules of a region are filled in. Raises ConfigError.
    """
    config = load_config(None if path is None else Path(path), overrides)
    return with_region(config, "defaults" if path is None else path)


def capture_settings(path: str | None) -> dict[str, object]:
    """What the capture reader takes of the configuration file ``path``. Raises ConfigError."""
    return load_settings(path).core_settings()
