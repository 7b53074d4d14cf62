"""API keys in the control database."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from spit.lists import TENANT_FORM, show
from spit.storage.audit import Change, write_changes
from spit.storage.control import ControlDatabase
from spit.storage.keyring import SCOPES, TENANT_SCOPES, ApiKey, KeyRing, Principal, new_key
from spit.storage.schema import api_keys

__all__ = ["ApiKey", "KeyRing", "KeyStore", "Principal"]

#: What the audit log calls a key.
OBJECT = "api_key"
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


class KeyStore:
    """Keys by id. Every change is in the audit log, in the same transaction. Raises ControlError."""

    def __init__(self, database: ControlDatabase) -> None:
        self._database = database

    def create(
        self,
        name: str,
        scopes: Sequence[str],
        *,
        actor: str,
        time_us: int,
        expires_at_us: int | None = None,
        tenant: str = "",
    ) -> tuple[str, ApiKey]:
        """The key, told this once and never again, and what is kept of it.

        ``tenant``: whose alone it is. Raises ValueError: what was expected of name, scopes, tenant or expiry.
        """
        if _NAME.fullmatch(name) is None:
            raise ValueError(f"expected a name of 1 to 64 letters, digits and _.@-, found {show(name)}")
        if not scopes or (unknown := [scope for scope in scopes if scope not in SCOPES]):
            found = show(unknown[0]) if scopes else "none"
            raise ValueError(f"expected scopes among {', '.join(SCOPES)}, found {found}")
        if re.fullmatch(TENANT_FORM, tenant) is None:
            raise ValueError(
                f"expected a tenant of up to 64 letters, digits and ._:@/-, found {show(tenant)}"
            )
        if tenant and (wide := [scope for scope in scopes if scope not in TENANT_SCOPES]):
            allowed = ", ".join(sorted(TENANT_SCOPES))
            raise ValueError(f"expected scopes among {allowed} for the key of a tenant, found {wide[0]}")
        if expires_at_us is not None and expires_at_us <= time_us:
            raise ValueError("expected an expiry in the future, found one in the past")
        told, key_id, salt, hashed = new_key()
        key = ApiKey(
            id=key_id,
            name=name,
            scopes=tuple(scope for scope in SCOPES if scope in scopes),
            last4=told[-4:],
            created_at_us=time_us,
            expires_at_us=expires_at_us,
            revoked_at_us=None,
            salt=salt,
            hash=hashed,
            tenant=tenant,
        )
        with self._database.writing() as (connection, version):
            connection.execute(sa.insert(api_keys).values(_values(key)))
            change = Change("create", OBJECT, key.id, None, _record(key))
            write_changes(connection, [change], version=version, time_us=time_us, actor=actor)
        return told, key

    def revoke(self, key_id: str, *, actor: str, time_us: int) -> ApiKey | None:
        """The key that is good no more; None where there is none. A second time changes nothing."""
        with self._database.writing() as (connection, version):
            row = connection.execute(sa.select(api_keys).where(api_keys.c.id == key_id)).mappings().first()
            if row is None:
                return None
            old = _key(row)
            if old.revoked_at_us is not None:
                return old
            connection.execute(
                sa.update(api_keys).where(api_keys.c.id == key_id).values(revoked_at_us=time_us)
            )
            new = _key({**row, "revoked_at_us": time_us})
            change = Change("revoke", OBJECT, key_id, _record(old), _record(new))
            write_changes(connection, [change], version=version, time_us=time_us, actor=actor)
        return new

    def list(self) -> list[ApiKey]:
        """Every key, revoked and expired ones too, the oldest first."""
        query = sa.select(api_keys).order_by(api_keys.c.created_at_us, api_keys.c.id)
        with self._database.reading() as connection:
            return [_key(row) for row in connection.execute(query).mappings()]

    def ring(self) -> KeyRing:
        """All keys, to verify without the database."""
        return KeyRing(self.list())

    def verify(self, key: str, now: float) -> Principal | None:
        """As ``KeyRing.verify``, by what the database says now. A service asks a ring instead."""
        return self.ring().verify(key, now)


def _values(key: ApiKey) -> dict[str, Any]:
    return {column.name: getattr(key, column.name) for column in api_keys.columns} | {
        "scopes": " ".join(key.scopes)
    }


def _key(row: Any) -> ApiKey:
    return ApiKey(**{**row, "scopes": tuple(row["scopes"].split())})


def _record(key: ApiKey) -> dict[str, Any]:
    """A key as the audit log holds it: nothing of its hash."""
    return {
        "name": key.name,
        "scopes": list(key.scopes),
        "last4": key.last4,
        "tenant": key.tenant,
        "expires_at_us": key.expires_at_us,
        "revoked_at_us": key.revoked_at_us,
    }
