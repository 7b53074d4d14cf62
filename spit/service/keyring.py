"""API keys: who shows one, and what may be asked with it. Only hashes of keys are held."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from spit.errors import ConfigError
from spit.lists import TENANT_FORM
from spit.storage.keyring import SCOPES, TENANT_SCOPES

#: What the token of ``service.agent_token_file`` opens.
AGENT_SCOPES = frozenset({"events", "feedback"})

_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_NAME = re.compile(r"[A-Za-z0-9_.@-]{1,64}")


class Principal(Protocol):
    """Who asks."""

    @property
    def name(self) -> str:
        """Of the key, for logs and rate limits; never the key."""

    @property
    def scopes(self) -> frozenset[str]: ...

    @property
    def tenant(self) -> str:
        """Whose questions, lists and feedback alone it is for; "": for all."""


class KeyRing(Protocol):
    """Knows keys. ``verify`` may block: the service asks from a worker thread and remembers the answer."""

    def verify(self, key: str, now: float) -> Principal | None:
        """Whose key it is at ``now`` (epoch seconds); None when it is nobody's, expired or revoked.

        Compares in constant time. May raise OSError or SpitError when the keys cannot be read.
        """

    def __len__(self) -> int:
        """How many keys there are, revoked ones too; from memory."""


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A principal."""

    name: str
    scopes: frozenset[str]
    tenant: str = ""


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key. ``expires``: epoch seconds; None: never."""

    owner: KeyOwner
    digest: bytes
    expires: float | None = None


def hash_key(key: str) -> str:
    """``sha256:HEX``. No salt and no slow hash: keys are drawn at random, with nothing in them to guess."""
    return f"sha256:{hashlib.sha256(key.encode('utf-8', 'surrogatepass')).hexdigest()}"


class StaticKeys:
    """Keys held in memory."""

    def __init__(self, entries: Sequence[KeyEntry]) -> None:
        self._entries = tuple(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def verify(self, key: str, now: float) -> KeyOwner | None:
        """As ``KeyRing.verify``: every entry is compared, whether one was found before or not."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
        found: KeyOwner | None = None
        for entry in self._entries:
            same = hmac.compare_digest(entry.digest, digest)
            if same and (entry.expires is None or now < entry.expires):
                found = entry.owner
        return found


def token_keys(token: str) -> StaticKeys:
    """The token of agents as a key; no keys for an empty one."""
    if not token:
        return StaticKeys(())
    digest = hashlib.sha256(token.encode()).digest()
    return StaticKeys((KeyEntry(KeyOwner("agent-token", AGENT_SCOPES), digest),))


def read_keys(path: Path) -> StaticKeys:
    """The keys that a file lists, as TOML (``[[key]]`` tables) or as JSON lines.

    Each has ``name``, ``scopes``, ``hash`` (``sha256:HEX`` of the key) and may have ``expires`` (epoch
    seconds) and ``tenant``. Raises ConfigError: the file, the entry, what was expected and what was found,
    never a hash.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: the keys cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: expected UTF-8 text, found another byte at offset {error.start}"
        ) from None
    rows = _json_rows(path, text) if text.lstrip().startswith("{") else _toml_rows(path, text)
    entries = [_read_entry(f"{path}: key {number}", row) for number, row in enumerate(rows, 1)]
    names = [entry.owner.name for entry in entries]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ConfigError(f"{path}: expected each name once, found {', '.join(doubled)} again")
    if not entries:
        raise ConfigError(f"{path}: expected at least one key, found none")
    return StaticKeys(entries)


def _json_rows(path: Path, text: str) -> list[object]:
    rows: list[object] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except (ValueError, RecursionError):
            raise ConfigError(f"{path}: line {number}: expected a JSON object, found a mistake") from None
    return rows


def _toml_rows(path: Path, text: str) -> list[object]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: expected TOML or JSON lines, found a mistake: {error}") from None
    rows = tables.get("key", [])
    if set(tables) - {"key"} or not isinstance(rows, list):
        raise ConfigError(f"{path}: expected tables [[key]] and nothing else, found {', '.join(tables)}")
    return rows


def _read_entry(where: str, row: object) -> KeyEntry:
    if not isinstance(row, dict):
        raise ConfigError(f"{where}: expected name, scopes and hash, found {type(row).__name__}")
    unknown = set(row) - {"name", "scopes", "hash", "expires", "tenant"}
    if unknown:
        # Not the value: somebody may have put the key itself there.
        raise ConfigError(
            f"{where}: expected name, scopes, hash, expires and tenant, found {', '.join(sorted(unknown))}"
        )
    name, scopes, digest, expires = (row.get(field) for field in ("name", "scopes", "hash", "expires"))
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise ConfigError(f"{where}: name: expected 1 to 64 letters, digits and _.@-, found {name!r}")
    if not isinstance(scopes, list) or not scopes or not all(one in SCOPES for one in scopes):
        raise ConfigError(f"{where} ({name}): scopes: expected some of {', '.join(SCOPES)}, found {scopes!r}")
    matched = _HASH.fullmatch(digest) if isinstance(digest, str) else None
    if matched is None:
        raise ConfigError(
            f'{where} ({name}): hash: expected "sha256:" and 64 hexadecimal digits, found otherwise'
        )
    if isinstance(expires, bool) or not isinstance(expires, int | float | None):
        raise ConfigError(f"{where} ({name}): expires: expected epoch seconds, found {expires!r}")
    tenant = row.get("tenant", "")
    if not isinstance(tenant, str) or re.fullmatch(TENANT_FORM, tenant) is None:
        raise ConfigError(
            f"{where} ({name}): tenant: expected up to 64 letters, digits and ._:@/-, found {tenant!r}"
        )
    if tenant and not TENANT_SCOPES.issuperset(scopes):
        raise ConfigError(
            f"{where} ({name}): scopes: expected some of {', '.join(sorted(TENANT_SCOPES))} for the key of a "
            f"tenant, found {scopes!r}"
        )
    owner = KeyOwner(name, frozenset(scopes), tenant)
    return KeyEntry(owner, bytes.fromhex(matched[1]), None if expires is None else float(expires))
