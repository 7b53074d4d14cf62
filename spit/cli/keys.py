"""``spit keys``: API keys in the control database."""

from __future__ import annotations

import argparse
import contextlib
from typing import Any

import pyarrow as pa

from spit.cli.control import actor, now_us, open_database
from spit.cli.lists import write_rows
from spit.cli.moments import parse_expiry
from spit.cli.report import DONE, FAILED, print_error

_SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.string()) for name in ("id", "name", "tenant", "scopes", "last4", "state")),
        *(pa.field(name, pa.float64()) for name in ("created_at", "expires_at", "revoked_at")),
    ]
)


def run(arguments: argparse.Namespace) -> int:
    """Run one action; the exit status."""
    _, database = open_database(arguments)
    with contextlib.closing(database):
        from spit.storage.keys import KeyStore

        store = KeyStore(database)
        if arguments.action == "create":
            return _create(arguments, store)
        if arguments.action == "revoke":
            return _revoke(arguments, store)
        write_rows(arguments, map(_row, store.list()), _SCHEMA, _SCHEMA.names)
        return DONE


def _create(arguments: argparse.Namespace, store: Any) -> int:
    at_us = now_us()
    try:
        told, key = store.create(
            arguments.name,
            arguments.scope,
            actor=actor(),
            time_us=at_us,
            expires_at_us=parse_expiry(arguments.expires, at_us),
            tenant=arguments.tenant,
        )
    except ValueError as error:
        print_error(str(error))
        return FAILED
    whose = f" of tenant {key.tenant}" if key.tenant else ""
    print_error(f"key {key.id}{whose} ({', '.join(key.scopes)}); it is not shown again:")
    print(told)  # noqa: T201  alone on standard output, so that it can go into a file
    return DONE


def _revoke(arguments: argparse.Namespace, store: Any) -> int:
    if store.revoke(arguments.id, actor=actor(), time_us=now_us()) is None:
        print_error(f"there is no key {arguments.id}")
        return FAILED
    return DONE


def _row(key: Any) -> dict[str, object]:
    at_us = now_us()
    state = "good" if key.is_good(at_us) else "revoked" if key.revoked_at_us is not None else "expired"
    return {
        "id": key.id,
        "name": key.name,
        "tenant": key.tenant,
        "scopes": ",".join(key.scopes),
        "last4": key.last4,
        "state": state,
        "created_at": key.created_at_us / 1e6,
        "expires_at": None if key.expires_at_us is None else key.expires_at_us / 1e6,
        "revoked_at": None if key.revoked_at_us is None else key.revoked_at_us / 1e6,
    }
