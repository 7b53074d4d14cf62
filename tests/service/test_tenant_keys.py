"""The key of a tenant: its questions, lists and appeals are that tenant's, whatever else they say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from service_client import ENFORCE, FRIEND, NOW_US, SPAMMER, Service, guarded, problem
from test_appeals import CALLEE, Desk, Unkept

from spit.engine.control_data import ControlData
from spit.engine.feedback import Feedback
from spit.engine.observers import Observers
from spit.policy.lists import Lists
from spit.service.keyring import KeyEntry, KeyOwner, StaticKeys, hash_key
from spit.storage.control import open_control


def key(name: str, tenant: str, *scopes: str) -> KeyEntry:
    digest = bytes.fromhex(hash_key(name).removeprefix("sha256:"))
    return KeyEntry(KeyOwner(name, frozenset(scopes), tenant), digest)


RING = StaticKeys([key("of-acme", "acme", "score", "lists", "feedback"), key("of-all", "", "admin")])


class Asker:
    """Asks with one key."""

    def __init__(self, service: Service, name: str) -> None:
        self._service = service
        self._key = {"Authorization": f"Bearer {name}"}

    def ask(self, method: str, path: str, **options: Any) -> Any:
        headers = {**self._key, **options.pop("headers", {})}
        return self._service.request(method, path, headers=headers, **options)

    def add(self, kind: str = "block", pattern: str = FRIEND, **values: object) -> int:
        answer = self.ask("POST", "/v1/lists", json={"kind": kind, "pattern": pattern, **values})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["id"])

    def action(self, caller: str = FRIEND, **values: str) -> str:
        answer = self.ask("GET", "/v1/score", params={"caller": caller, "callee": CALLEE, **values})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["action"])


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    lists, feedback = Lists(), Feedback(Unkept(), key=b"k")
    with closing(
        ControlData(open_control(str(tmp_path / "c.db")), lists, poll_s=60, clock=lambda: NOW_US)
    ) as control:
        service = Service(
            ENFORCE, lists, control=control, guard=guarded(RING), observers=Observers(feedback=feedback)
        )
        Desk(service, feedback).call(SPAMMER, NOW_US - 60_000_000)
        yield service


@pytest.fixture
def acme(service: Service) -> Asker:
    return Asker(service, "of-acme")


@pytest.fixture
def everybody(service: Service) -> Asker:
    return Asker(service, "of-all")


def test_questions_are_its_own(acme: Asker, everybody: Asker) -> None:
    everybody.add(tenant="acme")
    assert acme.action() == acme.action(tenant="acme") == "reject"
    assert everybody.action() == "allow"
    assert everybody.action(tenant="acme") == "reject"


CALL = {"caller": FRIEND, "callee": CALLEE}
ENTRY = {"kind": "block", "pattern": FRIEND}
APPEAL = {"kind": "appeal", "reporter": SPAMMER, "call_id": f"{SPAMMER}@call"}


@pytest.mark.parametrize(
    ("method", "path", "options"),
    [
        ("GET", "/v1/score", {"params": {**CALL, "tenant": "other"}}),
        ("GET", "/v1/score", {"params": CALL, "headers": {"X-Spit-Tenant": "other"}}),
        ("POST", "/v1/score", {"json": {**CALL, "tenant": "other"}}),
        ("POST", "/v1/lists", {"json": {**ENTRY, "tenant": "other"}}),
        ("POST", "/v1/lists", {"json": {**ENTRY, "kind": "decoy"}}),
        ("GET", "/v1/lists", {"params": {"tenant": "other"}}),
        ("GET", "/v1/lists/export", {"params": {"tenant": ""}}),
        ("POST", "/v1/lists/import", {"json": [{**ENTRY, "tenant": "other"}]}),
        ("POST", "/v1/feedback", {"json": {**APPEAL, "tenant": "other"}}),
        ("GET", f"/v1/callers/{FRIEND}", {}),
        ("GET", "/v1/audit", {}),
    ],
)
def test_another_tenant_and_what_is_everybodys_are_refused(
    acme: Asker, everybody: Asker, method: str, path: str, options: dict[str, Any]
) -> None:
    problem(acme.ask(method, path, **options), 403)
    assert everybody.ask("GET", "/v1/lists").json()["entries"] == []
    assert everybody.ask(method, path, **options).status_code in (200, 201, 202, 404)


def test_its_lists_are_its_own(acme: Asker, everybody: Asker) -> None:
    foreign = everybody.add(tenant="other")
    everybody.add("allow", SPAMMER)
    own = acme.add()
    assert [one["id"] for one in acme.ask("GET", "/v1/lists").json()["entries"]] == [own]
    assert acme.ask("GET", f"/v1/lists/{own}").json()["tenant"] == "acme"
    assert len(acme.ask("GET", "/v1/lists/export").text.splitlines()) == 2
    changed = {"kind": "block", "pattern": "+1*"}
    for method, options in (("GET", {}), ("PUT", {"json": changed}), ("DELETE", {})):
        problem(acme.ask(method, f"/v1/lists/{foreign}", **options), 404)
    assert acme.ask("PUT", f"/v1/lists/{own}", json=changed).json()["tenant"] == "acme"
    rows = [changed | {"reason": "new"}, {"kind": "block", "pattern": "+2*", "tenant": "acme"}]
    taken = acme.ask("POST", "/v1/lists/import", json=rows).json()
    assert (taken["added"], taken["changed"], taken["unchanged"]) == (1, 1, 0)
    assert acme.ask("DELETE", f"/v1/lists/{own}").status_code == 204
    left = everybody.ask("GET", "/v1/lists").json()["entries"]
    assert [(one["tenant"], one["pattern"]) for one in left] == [
        ("other", FRIEND),
        ("", SPAMMER),
        ("acme", "+2*"),
    ]


def test_its_appeals_lift_its_own_blocks(acme: Asker, everybody: Asker) -> None:
    assert acme.ask("POST", "/v1/feedback", json=APPEAL).json()["lift"] == "lifted"
    assert (acme.action(SPAMMER), everybody.action(SPAMMER)) == ("allow", "reject")
