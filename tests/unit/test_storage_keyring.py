"""API keys without a database: which are good, and what is compared."""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest

from spit.storage.keyring import ApiKey, KeyRing, hash_secret, new_key

NOW_US = 1_700_000_000_000_000
NOW = NOW_US / 1e6


def make(**values: object) -> tuple[str, ApiKey]:
    told, key_id, salt, hashed = new_key()
    key = ApiKey(key_id, "edge", ("score",), told[-4:], NOW_US, None, None, salt, hashed)
    return told, replace(key, **values)  # type: ignore[arg-type]


def test_only_the_whole_key_is_good() -> None:
    told, key = make()
    other, _ = make()
    ring = KeyRing([key])
    principal = ring.verify(told, NOW)
    assert principal is not None
    assert (principal.id, principal.name, principal.scopes) == (key.id, "edge", frozenset({"score"}))
    secret = other[18:]
    for wrong in (
        "",
        "spit",
        told[:-1],
        told + "a",
        told.upper(),
        f"spit_{key.id}_{secret}",
        other,
        " " + told,
    ):
        assert ring.verify(wrong, NOW) is None


def test_a_key_ends_at_its_expiry_and_when_it_is_revoked() -> None:
    told, key = make(expires_at_us=NOW_US + 5)
    assert KeyRing([key]).verify(told, NOW + 4e-6) is not None
    assert KeyRing([key]).verify(told, NOW + 5e-6) is None
    assert KeyRing([replace(key, expires_at_us=None, revoked_at_us=NOW_US)]).verify(told, NOW - 1) is None


def test_keys_are_random_and_each_has_its_salt() -> None:
    (first, one), (second, other) = make(), make()
    assert first != second
    assert one.salt != other.salt
    assert len(first) == len("spit_") + 12 + 1 + 43  # 256 bits in base64
    assert hash_secret("secret", one.salt) != hash_secret("secret", other.salt)


@pytest.mark.parametrize("wrong", ["nonsense", "spit_000000000000_" + "A" * 43])
def test_an_unknown_key_is_compared_as_a_wrong_one_is(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _, key = make()
    compared: list[tuple[int, int]] = []
    honest = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((len(one), len(other)))
        return honest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert KeyRing([key]).verify(wrong, NOW) is None
    assert compared == [(32, 32)]
