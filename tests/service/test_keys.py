"""API keys: what is closed without one, what each scope opens, what happens when they can't be checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from service_client import FRIEND, NOW_US, SPAMMER, Service, guarded, problem

from spit.config import Config
from spit.errors import ConfigError
from spit.service.guard import OPEN_PATHS, Guard
from spit.service.keyring import KeyOwner, StaticKeys, hash_key, read_keys
from spit.service.scopes import requires
from spit.storage.keyring import SCOPES

QUERY = {"caller": SPAMMER, "callee": FRIEND}
EVENT = {"event": "attempt", "time_us": NOW_US, "call_id": "c", "caller": SPAMMER}
#: One request for each route, and the scope that it needs.
ROUTES = [
    ("GET", "/v1/score", "score", {"params": QUERY}),
    ("POST", "/v1/score", "score", {"json": QUERY}),
    ("POST", "/v1/events", "events", {"json": EVENT}),
    ("POST", "/v1/feedback", "feedback", {"json": {"kind": "last_call", "callee": FRIEND}}),
    ("GET", "/v1/callers/x", "read", {}),
    ("GET", "/v1/model", "read", {}),
    ("GET", "/metrics", "read", {}),
]


def keys_file(folder: Path, **scopes: list[str]) -> Path:
    """A file with a key ``key-NAME`` for each name."""
    path = folder / "keys.jsonl"
    rows = [
        {"name": name, "scopes": given, "hash": hash_key(f"key-{name}")} for name, given in scopes.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.mark.parametrize(("method", "path", "scope", "arguments"), ROUTES)
def test_each_scope_opens_its_routes_and_no_other(
    method: str, path: str, scope: str, arguments: dict[str, object], tmp_path: Path
) -> None:
    ring = read_keys(keys_file(tmp_path, **{one: [one] for one in SCOPES}))
    service = Service(guard=guarded(ring))

    def status(headers: dict[str, str]) -> int:
        return service.request(method, path, headers=headers, **arguments).status_code

    missing = service.request(method, path, **arguments)
    assert "Bearer" in problem(missing, 401)["detail"]
    assert missing.headers["www-authenticate"] == "Bearer"
    assert status(bearer("key-nobody")) == 401
    assert status({"Authorization": "Basic key-admin"}) == 401
    allowed = {one for one in SCOPES if status(bearer(f"key-{one}")) != 403}
    assert allowed == {scope, "admin"}
    assert allowed == {one for one in SCOPES if status({"X-API-Key": f"key-{one}"}) != 403}
    refused = next(one for one in SCOPES if one not in allowed)
    detail = problem(service.request(method, path, headers=bearer(f"key-{refused}"), **arguments), 403)[
        "detail"
    ]
    assert detail == f"expected a key with the scope {scope}, found one with {refused}"


def test_every_route_declares_a_scope_or_is_meant_to_be_open() -> None:
    app = Service().app
    document = app.openapi()
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in route.methods or ():
                security = document["paths"][route.path_format][method.lower()].get("security")
                if route.path_format in OPEN_PATHS:
                    assert security is None
                else:
                    schemes = {name: scopes for one in security for name, scopes in one.items()}
                    assert set(schemes) == {"bearerKey", "headerKey"}, route.path_format
                    assert len(set(map(tuple, schemes.values()))) == 1
    kinds = {name: one["type"] for name, one in document["components"]["securitySchemes"].items()}
    assert kinds == {"bearerKey": "http", "headerKey": "apiKey"}


def test_a_scope_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="expected a scope of score, events"):
        requires("scores")


def test_without_a_key_nothing_tells_which_paths_exist(tmp_path: Path) -> None:
    service = Service(guard=guarded(read_keys(keys_file(tmp_path, sbc=["score"]))))
    for path in ("/openapi.json", "/v1/nothing", "/v1/model", "/docs"):
        problem(service.get(path), 401)
    for path in OPEN_PATHS:
        assert service.get(path).status_code == 200
    assert service.get("/openapi.json", headers=bearer("key-sbc")).status_code == 200
    problem(service.get("/v1/nothing", headers=bearer("key-sbc")), 404)


def test_a_body_without_a_key_is_not_even_read(tmp_path: Path) -> None:
    service = Service(guard=guarded(read_keys(keys_file(tmp_path, sbc=["score"]))))

    async def body() -> object:
        raise AssertionError("it was read")
        yield b""

    problem(service.post("/v1/feedback", content=body()), 401)


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer key-sbc"), ("Authorization", "Bearer other")],
        [("Authorization", "Bearer key-sbc"), ("X-API-Key", "other")],
        [("Authorization", "Bearer " + "k" * 10_000)],
        [("Authorization", "Bearer ")],
        [("Authorization", "Bearer key-sbc\x00")],
        [("Authorization", b"Bearer \xff\xfe")],
    ],
)
def test_strange_keys_are_nobodys(headers: list[tuple[str, str]], tmp_path: Path) -> None:
    service = Service(guard=guarded(read_keys(keys_file(tmp_path, sbc=["score"]))))
    problem(service.get("/v1/score", params=QUERY, headers=headers), 401)


def test_the_agents_token_opens_events_and_feedback_beside_keys(tmp_path: Path) -> None:
    ring = read_keys(keys_file(tmp_path, sbc=["score"]))
    service = Service(guard=guarded(ring, token="agents"))  # noqa: S106
    assert service.post("/v1/events", json=EVENT, headers=bearer("agents")).status_code == 200
    problem(service.get("/v1/score", params=QUERY, headers=bearer("agents")), 403)
    problem(service.post("/v1/events", json=EVENT, headers=bearer("key-sbc")), 403)


def test_other_keys_hold_from_the_next_request_on(tmp_path: Path) -> None:
    guard = guarded(read_keys(keys_file(tmp_path, sbc=["score"])))
    service = Service(guard=guard)
    assert service.get("/v1/score", params=QUERY, headers=bearer("key-sbc")).status_code == 200
    guard.configure([read_keys(keys_file(tmp_path, other=["score"]))], "")
    problem(service.get("/v1/score", params=QUERY, headers=bearer("key-sbc")), 401)
    assert service.get("/v1/score", params=QUERY, headers=bearer("key-other")).status_code == 200


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Database:
    """A key ring that may be gone."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.asked = 0
        self.size = 1
        self.owner: KeyOwner | None = KeyOwner("sbc", frozenset({"score"}))

    def __len__(self) -> int:
        return self.size

    def verify(self, key: str, now: float) -> KeyOwner | None:  # noqa: ARG002  as KeyRing has it
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return self.owner if key == "key-sbc" else None


def test_known_keys_hold_while_the_database_is_gone_and_no_longer() -> None:
    clock, database = Clock(), Database()
    guard = Guard(clock=clock, now=lambda: 0.0)
    guard.configure([database], "")
    service = Service(guard=guard)

    def status(key: str) -> int:
        return service.get("/v1/score", params=QUERY, headers=bearer(key)).status_code

    assert [status("key-sbc") for _ in range(3)] == [200, 200, 200]
    assert database.asked == 1  # no query per call
    database.failure = OSError("connection refused")
    clock.now_s += 60
    assert status("key-sbc") == 200
    problem(service.get("/v1/score", params=QUERY, headers=bearer("key-unknown")), 503)
    assert service.get("/healthz").status_code == 200
    clock.now_s += 3_700
    assert status("key-sbc") == 503
    database.failure = None
    assert status("key-sbc") == 200


def test_a_revoked_key_is_refused_within_seconds() -> None:
    clock, database = Clock(), Database()
    guard = Guard(clock=clock, now=lambda: 0.0)
    guard.configure([database], "")
    service = Service(guard=guard)
    assert service.get("/v1/score", params=QUERY, headers=bearer("key-sbc")).status_code == 200
    database.owner = None
    clock.now_s += 10
    problem(service.get("/v1/score", params=QUERY, headers=bearer("key-sbc")), 401)


def test_guessing_is_slowed_down_before_the_database_is_asked() -> None:
    clock, database = Clock(), Database()
    guard = Guard(clock=clock, now=lambda: 0.0)
    guard.configure([database], "")
    service = Service(guard=guard)
    statuses = [service.get("/v1/model", headers=bearer(f"guess-{i}")).status_code for i in range(30)]
    assert statuses == [401] * 20 + [429] * 10
    assert database.asked == 20
    clock.now_s += 1
    assert service.get("/v1/model", headers=bearer("guess")).status_code == 401


def test_expired_keys_and_toml(tmp_path: Path) -> None:
    path = tmp_path / "keys.toml"
    path.write_text(
        f"""
        [[key]]
        name = "desk"
        scopes = ["read", "feedback"]
        hash = "{hash_key("key-desk")}"
        expires = 1700000000
        """,
        encoding="utf-8",
    )
    ring = read_keys(path)
    assert ring.verify("key-desk", 1_699_999_999.0) == KeyOwner("desk", frozenset({"read", "feedback"}))
    assert ring.verify("key-desk", 1_700_000_000.0) is None
    assert ring.verify(hash_key("key-desk"), 0.0) is None  # who has the file has no key


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected at least one key, found none"),
        ("x = 1", "expected tables [[key]] and nothing else, found x"),
        ("[[key]]\nname = 1", "key 1: name: expected 1 to 64 letters"),
        ('[[key]]\nname = "a"\nscopes = ["all"]', "key 1 (a): scopes: expected some of score, events"),
        ('[[key]]\nname = "a"\nscopes = ["read"]\nhash = "plain-key"', "key 1 (a): hash: expected"),
        (
            '[[key]]\nname = "a"\nkey = "plain-key"',
            "key 1: expected name, scopes, hash, expires and tenant, found key",
        ),
        (
            f'[[key]]\nname = "a"\nscopes = ["read"]\ntenant = "acme"\nhash = "sha256:{"0" * 64}"',
            "key 1 (a): scopes: expected some of feedback, lists, score for the key of a tenant",
        ),
        (
            f'[[key]]\nname = "a"\nscopes = ["score"]\ntenant = "a b"\nhash = "sha256:{"0" * 64}"',
            "key 1 (a): tenant: expected up to 64 letters",
        ),
        ('{"name": "a"', "line 1: expected a JSON object, found a mistake"),
        ("{" * 100_000, "line 1: expected a JSON object, found a mistake"),
        ("[[key", "expected TOML or JSON lines, found a mistake"),
    ],
)
def test_mistakes_in_a_file_of_keys_are_named_and_show_no_key(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        read_keys(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert words in str(raised.value)
    assert "plain-key" not in str(raised.value)


def test_a_name_stands_once_and_a_missing_file_is_named(tmp_path: Path) -> None:
    path = keys_file(tmp_path, a=["read"])
    path.write_text(path.read_text() * 2)
    with pytest.raises(ConfigError, match="expected each name once, found a again"):
        read_keys(path)
    with pytest.raises(ConfigError, match="the keys cannot be read: No such file"):
        read_keys(tmp_path / "none")


def test_who_was_refused_is_counted(tmp_path: Path) -> None:
    service = Service(guard=guarded(read_keys(keys_file(tmp_path, sbc=["score"], desk=["read"]))))
    service.get("/v1/model")
    service.get("/v1/model", headers=bearer("wrong"))
    service.get("/v1/model", headers=bearer("key-sbc"))
    text = service.get("/metrics", headers=bearer("key-desk")).text
    for reason in ("no_key", "unknown_key", "scope"):
        assert f'spit_refused_total{{reason="{reason}"}} 1.0' in text


def test_keys_are_asked_for_from_the_first_one_on_and_always_where_others_can_reach_the_service() -> None:
    database = Database()
    database.size = 0
    guard = guarded(database)
    service = Service(guard=guard)
    assert service.get("/v1/model").status_code == 200
    guard.configure([database], "", always=True)
    problem(service.get("/v1/model"), 401)
    guard.configure([database], "")
    database.size = 1
    problem(service.get("/v1/model"), 401)
    assert service.get("/v1/score", params=QUERY, headers=bearer("key-sbc")).status_code == 200


def test_an_empty_ring_is_none() -> None:
    assert len(StaticKeys(())) == 0
    assert not Guard(clock=Clock(), now=Clock()).asks_for_keys
    assert Service(Config()).get("/v1/model").status_code == 200
