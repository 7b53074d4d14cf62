"""One TOML file, environment over it, flags over both (docs/configuration.md).

Every command reads it: what only a file or a mistake needs is imported then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from pathlib import Path

from spit.config.fields import Setting, shown
from spit.config.policy import check_policy
from spit.config.tables import SECTIONS, Config, settings_by_key
from spit.errors import ConfigError


def load_config(
    path: Path | None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Config:
    """Read ``path`` (None: defaults only), then put ``environment`` and ``overrides`` over it.

    ``overrides``: ``{"policy.mode": "enforce"}``; a value of None means that the flag was not given.
    ``environment``: variables, of which those that begin with SPIT_ are read (spit.environment). Raises
    ConfigError: names the file, the variable or "command line", the key, what was expected and found.
    """
    return load_with_origins(path, overrides, environment)[0]


def load_with_origins(
    path: Path | None,
    overrides: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> tuple[Config, dict[str, str]]:
    """``load_config``, and by key where each value that is not the default came from."""
    values: dict[str, dict[str, object]] = {name: {} for name in SECTIONS}
    origins: dict[str, str] = {}
    entries = [
        *_file_entries(path),
        *_environment_entries(environment or {}),
        *_override_entries(overrides or {}),
    ]
    for origin, key, value in entries:
        section, setting = _find_setting(origin, key)
        name = key.partition(".")[2]
        try:
            values[section][name] = setting.read(value)
        except ValueError:
            found = shown(value) if setting.hide is None else setting.hide(value) or "nothing"
            raise ConfigError(f"{origin}: {key}: expected {setting.expected}, found {found}") from None
        origins[key] = origin
    config = Config(**{name: SECTIONS[name](**given) for name, given in values.items()})
    check_policy(config.policy, origins, str(path) if path is not None else "defaults")
    if config.records.pseudonymise and not config.records.pseudonym_key_file:
        raise ConfigError(
            f"{origins['records.pseudonymise']}: records.pseudonym_key_file: expected a file that holds the "
            "key, because records.pseudonymise is true, found nothing"
        )
    return config, origins


def _file_entries(path: Path | None) -> Iterable[tuple[str, str, object]]:
    if path is None:
        return
    import tomllib

    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, found another byte at offset {error.start}"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML, found a mistake: {error}") from None
    for section, table in tables.items():
        if section not in SECTIONS:
            raise ConfigError(
                f"{path}: {section}: expected {_nearest(section, SECTIONS)}, found an unknown table"
            )
        if not isinstance(table, dict):
            raise ConfigError(f"{path}: {section}: expected a table [{section}], found {shown(table)}")
        for name, value in table.items():
            yield str(path), f"{section}.{name}", value


def _environment_entries(environment: Mapping[str, str]) -> Iterable[tuple[str, str, object]]:
    if not any(name.startswith("SPIT_") for name in environment):
        return []
    from spit.environment import variable_entries

    return variable_entries(environment, {key: one.read for key, one in settings_by_key().items()})


def _override_entries(overrides: Mapping[str, object]) -> Iterable[tuple[str, str, object]]:
    return [("command line", key, value) for key, value in overrides.items() if value is not None]


def _find_setting(origin: str, key: str) -> tuple[str, Setting]:
    section, _, name = key.partition(".")
    known = {one.name: one for one in fields(SECTIONS[section])} if section in SECTIONS else {}
    if name not in known:
        keys = [f"{table}.{one.name}" for table, kind in SECTIONS.items() for one in fields(kind)]
        raise ConfigError(f"{origin}: {key}: expected {_nearest(key, keys)}, found an unknown key")
    setting: Setting = known[name].metadata["setting"]
    return section, setting


def _nearest(word: str, known: Iterable[str]) -> str:
    import difflib

    choices = list(known)
    close = difflib.get_close_matches(word, choices, n=1)
    return close[0] if close else "one of " + ", ".join(choices)
