"""API keys: how one looks, how it is hashed, and which are good. Needs no database."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

#: What a key may be for; ``admin`` is for everything.
SCOPES = ("score", "events", "feedback", "lists", "read", "admin")
#: What the key of one tenant may be for: events, what is read of callers, and the audit log are everybody's.
TENANT_SCOPES = frozenset({"score", "feedback", "lists"})

_SECRET_BYTES = 32
_SALT_BYTES = 16
_KEY = re.compile(r"spit_([0-9a-f]{12})_([0-9A-Za-z_-]{43})")
#: Compared with where no key has the id, so that a wrong id takes as long as a wrong secret.
_NOBODY = (bytes(_SALT_BYTES), bytes(32))


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: the key's id, its name, what it is for, and whose alone it is ("": nobody's)."""

    id: str
    name: str
    scopes: frozenset[str]
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept: never the key itself. Times are epoch µs."""

    id: str
    name: str
    scopes: tuple[str, ...]
    last4: str
    created_at_us: int
    expires_at_us: int | None
    revoked_at_us: int | None
    salt: bytes
    hash: bytes
    tenant: str = ""

    def is_good(self, time_us: int) -> bool:
        """Neither revoked nor expired."""
        return self.revoked_at_us is None and (self.expires_at_us is None or time_us < self.expires_at_us)


def new_key() -> tuple[str, str, bytes, bytes]:
    """A key, and its id, salt and hash."""
    key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(_SECRET_BYTES)
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"spit_{key_id}_{secret}", key_id, salt, hash_secret(secret, salt)


def hash_secret(secret: str, salt: bytes) -> bytes:
    """32 bytes of BLAKE2b with a salt (RFC 7693).

    A fast hash is right here: the secret is 256 random bits, which nobody tries out at any speed, and every
    request pays for it. A slow one (scrypt) is for what people choose, and would let anybody load the service
    with wrong keys.
    """
    return hashlib.blake2b(secret.encode(), digest_size=32, salt=salt, person=b"spit-api-key").digest()


class KeyRing:
    """The keys at one moment. Never changed after it was made."""

    def __init__(self, keys: Iterable[ApiKey] = ()) -> None:
        self._keys = {key.id: key for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    def verify(self, key: str, now: float) -> Principal | None:
        """Whose key it is; None where it is nobody's, revoked or expired at ``now`` (epoch seconds).

        Takes as long for a wrong secret as for the right one.
        """
        parts = _KEY.fullmatch(key)
        key_id, secret = parts.groups() if parts else ("", "")
        known = self._keys.get(key_id)
        salt, expected = _NOBODY if known is None else (known.salt, known.hash)
        same = hmac.compare_digest(hash_secret(secret, salt), expected)
        if known is None or not same or not known.is_good(round(now * 1e6)):
            return None
        return Principal(known.id, known.name, frozenset(known.scopes), known.tenant)
