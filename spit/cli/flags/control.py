"""The flags of ``spit lists``, ``spit keys`` and ``spit config``."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from spit.cli.flags.shared import add_config_flag, add_storage_flag
from spit.cli.flags.values import FORMATS

_KINDS = ("allow", "consent", "dno", "block", "grey", "decoy")
_SCOPES = ("score", "events", "feedback", "lists", "read", "admin")

Adder = Callable[[argparse.ArgumentParser], None]


def add_lists(parser: argparse.ArgumentParser) -> None:
    """``spit lists``."""
    _actions(
        parser,
        ("list", "the entries, a row each", _list_entries),
        ("add", "add an entry; in force within a second", _add_entry),
        ("remove", "remove entries by their ids", _remove_entries),
        ("import", "add the entries of a CSV or JSON file, or none of them", _import_entries),
        ("export", "write the entries as a file that can be imported again", _export_entries),
        ("audit", "who changed lists and keys, the newest first", _audit),
    )


def add_keys(parser: argparse.ArgumentParser) -> None:
    """``spit keys``."""
    _actions(
        parser,
        ("create", "make a key; it is printed this once and kept nowhere", _create_key),
        ("list", "the keys, a row each", _list_keys),
        ("revoke", "end a key; services notice within seconds", _revoke_key),
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """``spit config``."""
    _actions(
        parser,
        ("check", "whether the settings are sound", _check_config),
        ("show", "every setting, its value and where that came from; secrets are hidden", _show_config),
    )


def _actions(parser: argparse.ArgumentParser, *actions: tuple[str, str, Adder]) -> None:
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, summary, add_arguments in actions:
        action = commands.add_parser(
            name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=parser.epilog
        )
        add_arguments(action)


def _list_entries(parser: argparse.ArgumentParser) -> None:
    _filter(parser)
    _database(parser)
    _rows(parser)


def _add_entry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", metavar="KIND", choices=_KINDS, help=", ".join(_KINDS))
    parser.add_argument(
        "pattern", metavar="PATTERN", help="+12025550100, +1202555*, +12025550100-+12025550199, user@host"
    )
    parser.add_argument("--callee", metavar="PATTERN", default="", help="only calls to these")
    parser.add_argument("--tenant", metavar="NAME", default="", help="only this tenant's calls")
    parser.add_argument(
        "--expires",
        metavar="TIME",
        help="30d, 12h, 45m, epoch seconds or 2026-12-31T00:00:00Z (default: never)",
    )
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for whoever finds it")
    parser.add_argument("--author", metavar="NAME", default="", help="who wanted it (default: this user)")
    parser.add_argument(
        "--callback-delay-s", metavar="N", help="grey: seconds until a call back passes (default: 60)"
    )
    parser.add_argument(
        "--callback-window-s", metavar="N", help="grey: for how many seconds from then on (default: 14400)"
    )
    _database(parser)


def _remove_entries(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", metavar="ID", type=_id, nargs="+", help="as spit lists list tells them")
    _database(parser)


def _import_entries(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="NAME.csv or NAME.json; - is standard input")
    parser.add_argument("--format", choices=("csv", "json"), help="default: by the name of the file")
    _database(parser)


def _export_entries(parser: argparse.ArgumentParser) -> None:
    _filter(parser)
    parser.add_argument("--format", choices=("csv", "json"), default="csv", help="default: %(default)s")
    parser.add_argument("--output", metavar="FILE", help="write there instead of standard output")
    _database(parser)


def _audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--object", choices=("list_entry", "api_key"), default="", help="only of these")
    parser.add_argument("--object-id", metavar="ID", default="", help="only of this one")
    parser.add_argument("--actor", metavar="NAME", default="", help="only by this one")
    parser.add_argument("--limit", metavar="N", type=_id, default=100, help="rows (default: %(default)s)")
    _database(parser)
    _rows(parser)


def _create_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what the key is for")
    parser.add_argument(
        "--scope",
        metavar="SCOPE",
        choices=_SCOPES,
        action="append",
        required=True,
        help=f"what it may do: {', '.join(_SCOPES)}; may be given several times",
    )
    parser.add_argument(
        "--tenant",
        metavar="NAME",
        default="",
        help="only for this tenant's questions, lists and feedback (default: for all)",
    )
    parser.add_argument(
        "--expires", metavar="TIME", help="90d, 12h, epoch seconds or 2026-12-31T00:00:00Z (default: never)"
    )
    _database(parser)


def _list_keys(parser: argparse.ArgumentParser) -> None:
    _database(parser)
    _rows(parser)


def _revoke_key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as spit keys list tells it")
    _database(parser)


def _check_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", nargs="?", help="settings in TOML (docs/configuration.md)")


def _show_config(parser: argparse.ArgumentParser) -> None:
    add_config_flag(parser)
    parser.add_argument("--changed", action="store_true", help="only what is not the default")
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="as a flag would set it; several times",
    )
    parser.add_argument("--format", choices=("toml", "json"), default="toml", help="default: %(default)s")


def _filter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--kind", choices=_KINDS, default="", help="only of this kind")
    parser.add_argument("--tenant", metavar="NAME", help='only of this tenant; "" are those of all')
    parser.add_argument("--pattern", metavar="PATTERN", default="", help="only exactly this pattern")
    parser.add_argument("--callee", metavar="PATTERN", help="only exactly this callee")
    parser.add_argument("--active", action="store_true", help="only those that have not expired")


def _database(parser: argparse.ArgumentParser) -> None:
    add_config_flag(parser)
    add_storage_flag(parser)


def _rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, help="default: table on a terminal, jsonl otherwise")
    parser.add_argument("--output", metavar="FILE", help="write there instead of standard output")


def _id(text: str) -> int:
    value = int(text)
    if not 1 <= value < 2**63:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, found {text}")
    return value
