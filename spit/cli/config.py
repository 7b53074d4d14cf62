"""``spit config``: checks the settings, or shows them with where each came from."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path

from spit.cli.parser import UsageError
from spit.cli.report import DONE
from spit.cli.settings import load_settings
from spit.config import Config, load_with_origins, settings_by_key
from spit.environment import variable_entries


def run(arguments: argparse.Namespace) -> int:
    """Run one action; the exit status. Raises ConfigError."""
    if arguments.action == "check":
        load_settings(arguments.file)
        print(f"{arguments.file or 'defaults and environment'}: sound")  # noqa: T201
        return DONE
    path = None if arguments.config is None else Path(arguments.config)
    config, origins = load_with_origins(path, _overrides(arguments.set), os.environ)
    rows = _rows(config, origins, only_changed=arguments.changed)
    for line in _json_lines(rows) if arguments.format == "json" else _toml_lines(rows):
        print(line)  # noqa: T201
    return DONE


Row = tuple[str, object, str]


def _rows(config: Config, origins: dict[str, str], *, only_changed: bool) -> Iterator[Row]:
    """Key, value as it may be told, and where it came from."""
    for key, setting in settings_by_key().items():
        origin = origins.get(key, "default")
        if only_changed and key not in origins:
            continue
        section, _, name = key.partition(".")
        value = getattr(getattr(config, section), name)
        yield key, value if setting.hide is None else setting.hide(value), origin


def _toml_lines(rows: Iterator[Row]) -> Iterator[str]:
    table = ""
    for key, value, origin in rows:
        section, _, name = key.partition(".")
        if section != table:
            yield f"{chr(10) if table else ''}[{section}]"
            table = section
        yield f"{name} = {_toml(value)}  # {origin}"


def _json_lines(rows: Iterator[Row]) -> Iterator[str]:
    for key, value, origin in rows:
        shown = list(value) if isinstance(value, tuple) else value
        yield json.dumps({"key": key, "value": shown, "origin": origin}, ensure_ascii=False)


def _toml(value: object) -> str:
    if value is None:  # an optional number that is not set
        return '""'
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)  # TOML's basic strings escape as JSON's do
    return json.dumps(value)


def _overrides(pairs: list[str]) -> dict[str, object]:
    """``KEY=VALUE`` as flags would set them. Raises UsageError."""
    readers = {key: one.read for key, one in settings_by_key().items()}
    found: dict[str, object] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or key not in readers:
            raise UsageError(f"--set: expected KEY=VALUE with a key such as service.port, found {pair}")
        name = "SPIT_" + key.replace(".", "_").upper()
        found[key] = next(value for _, _, value in variable_entries({name: text}, readers))
    return found
