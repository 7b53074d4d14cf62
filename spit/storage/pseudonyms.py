"""Pseudonyms of who called whom: a keyed hash, so that the same number is the same pseudonym.

A number keeps its country code (``+49p3f…``), because where calls go to is what fraud is seen by and names
nobody; everything else of an identity goes. An identity that is withheld (RFC 3323) names nobody and stays.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from spit import _core
from spit.errors import ConfigError

KEY_BYTES = 32
#: 80 bits: among a thousand million numbers two share a pseudonym with a chance of one in two million.
_DIGEST_BYTES = 10
#: Of RECORD_SCHEMA: canonical identities, and URIs.
_IDENTITIES = ("caller", "callee", "asserted_identity", "diverted_by", "passport_orig")
_URIS = ("caller_uri", "callee_uri", "request_uri")


class Pseudonyms:
    """Replaces identities. ``settings``: as ``_core.canonical_identity`` takes them."""

    def __init__(self, key: bytes, settings: Mapping[str, object] | None = None) -> None:
        from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

        self._key = key
        self._settings = dict(settings or {})
        self._codes = frozenset(str(code) for code in COUNTRY_CODE_TO_REGION_CODE)

    def of(self, identity: str) -> str:
        """The pseudonym of a canonical identity."""
        digest = hashlib.blake2b(identity.encode(), key=self._key, digest_size=_DIGEST_BYTES).hexdigest()
        return f"{self._country_code(identity)}p{digest}"

    def replace(self, calls: pa.RecordBatch) -> pa.RecordBatch:
        """``calls`` (RECORD_SCHEMA) with pseudonyms for identities, and URIs made of them."""
        columns = []
        for field in calls.schema:
            column = calls[field.name]
            if field.name in _IDENTITIES:
                column = self._replace(column, is_uri=False)
            elif field.name in _URIS:
                column = self._replace(column, is_uri=True)
            columns.append(column)
        return pa.RecordBatch.from_arrays(columns, schema=calls.schema)

    def _replace(self, column: pa.Array, *, is_uri: bool) -> pa.Array:
        encoded = column.dictionary_encode()
        names = encoded.dictionary
        withheld = _core.withheld(names, uris=is_uri).tolist()
        found = [
            name if nobody else self._of_uri(name) if is_uri else self.of(name)
            for name, nobody in zip(names.to_pylist(), withheld, strict=True)
        ]
        return pa.array(found, pa.string()).take(encoded.indices)

    def _of_uri(self, uri: str) -> str:
        identity = _core.canonical_identity(uri, self._settings)
        return f"sip:{self.of(uri if identity is None else identity)}@pseudonym.invalid"

    def _country_code(self, identity: str) -> str:
        if not identity.startswith("+"):
            return ""
        return next((f"+{identity[1:end]}" for end in (2, 3, 4) if identity[1:end] in self._codes), "")


def read_key(path: Path) -> bytes:
    """The key that the file holds; made, for its owner alone to read, when there is none.

    Raises ConfigError.
    """
    try:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            found = path.read_bytes()
        else:
            found = secrets.token_bytes(KEY_BYTES)
            with os.fdopen(descriptor, "wb") as file:
                file.write(found)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(
            f"records.pseudonym_key_file: cannot use {path}: {error.strerror or error}"
        ) from None
    if len(found) != KEY_BYTES:
        raise ConfigError(
            f"records.pseudonym_key_file: expected {path} to hold a key of {KEY_BYTES} bytes, "
            f"found {len(found)}"
        )
    return found
