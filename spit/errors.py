"""Errors that a person reads: what was expected, what was found, and where."""

from __future__ import annotations


class SpitError(Exception):
    """Base of every error that the commands print as one line."""


class InputError(SpitError):
    """An input (capture, labels, request body) could not be read to its end."""


class ConfigError(SpitError):
    """A setting is unknown, has the wrong type or is out of range."""


class ModelError(SpitError):
    """A model bundle is damaged, or was made for other features."""


class ControlError(SpitError):
    """The control database cannot be opened, read or written."""


class MissingExtraError(SpitError):
    """A command needs a package of an optional extra that is not installed."""

    def __init__(self, command: str, extra: str, package: str) -> None:
        super().__init__(
            f"'spit {command}' needs the package {package}: install it with pip install 'spit[{extra}]'"
        )
