"""The OpenAPI document of lists and audit log is exact: drawn requests get the answers that it declares."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from service_client import ENFORCE, NOW_US, Service, guarded

from spit.engine.control_data import ControlData
from spit.policy.lists import Lists
from spit.service.keyring import KeyEntry, KeyOwner, StaticKeys, hash_key
from spit.storage.control import open_control

KEY = "contract"
RING = StaticKeys(
    [KeyEntry(KeyOwner("test", frozenset({"admin"})), bytes.fromhex(hash_key(KEY).removeprefix("sha256:")))]
)
DRAWN = GenerationConfig(with_security_parameters=False, deterministic=True)


def filter_case(_context: Any, case: Any) -> bool:
    """Leaves out what breaks a rule that OpenAPI has no words for and the description tells."""
    if not isinstance(case.body, dict):
        return True
    kind, callee = case.body.get("kind"), case.body.get("callee")
    grey_alone = any(case.body.get(name) is not None for name in ("callback_delay_s", "callback_window_s"))
    return not (
        (kind != "grey" and grey_alone)
        or (kind == "consent" and not callee)
        or (kind in ("dno", "decoy") and callee)
        or (case.body.get("pattern") == "*" and not callee)
    )


class Later:
    """The control data of the tests; the document is wanted before there can be any."""

    def __init__(self) -> None:
        self.data: ControlData | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.data, name)


CONTROL: Any = Later()


@pytest.fixture(scope="module", autouse=True)
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    opened = open_control(str(tmp_path_factory.mktemp("contract") / "c.db"))
    with closing(ControlData(opened, Lists(), poll_s=60, clock=lambda: NOW_US)) as CONTROL.data:
        yield


schema = schemathesis.openapi.from_asgi(
    "/openapi.json",
    Service(ENFORCE, control=CONTROL, guard=guarded(RING)).app,
    headers={"X-API-Key": KEY},
    config=SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=DRAWN))),
).include(path_regex="^/v1/(lists|audit)")
# OpenAPI has no words for what is in a file of lists either.
schema = schema.exclude(path="/v1/lists/import")
schema.hook(filter_case)


@schema.parametrize()
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
    max_examples=15,
)
def test_requests_drawn_from_the_document(case: Any) -> None:
    case.call_and_validate()
