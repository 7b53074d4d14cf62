"""The OpenAPI document is exact: generated requests, right and wrong, get the answers that it declares.

schemathesis draws the requests from the document; what it draws is the same in every run.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from schemathesis.config import (
    AnalysisConfig,
    ConstantsConfig,
    GenerationConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from service_client import ENFORCE, Service, guarded, with_service

from spit.config import VerdictsConfig
from spit.engine.feedback import Feedback, FeedbackLimits, Report
from spit.engine.observers import Observers
from spit.service.keyring import KeyEntry, KeyOwner, StaticKeys, hash_key


class Unkept:
    """Takes reports and forgets them."""

    def append(self, reports: Sequence[Report], /) -> None:
        """Written down, for all that who asks can tell."""


KEY = "contract"
RING = StaticKeys(
    [KeyEntry(KeyOwner("test", frozenset({"admin"})), bytes.fromhex(hash_key(KEY).removeprefix("sha256:")))]
)
#: Requests come by the thousand, and how long one takes is not what is tested.
CONFIG = dataclasses.replace(
    with_service(ENFORCE, request_rate=0, score_budget_ms=60_000, access_log="none"),
    verdicts=VerdictsConfig(max_streams=0),  # a stream never ends
)
SETTINGS = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate],
)
FEEDBACK = Feedback(Unkept(), key=b"k", limits=FeedbackLimits(reports_per_day=1_000_000))
#: Constants of whatever modules are loaded would make the requests depend on the tests before.
NO_CONSTANTS = AnalysisConfig(constants=ConstantsConfig(enabled=False))
#: The key is the test's, below.
DRAWN = GenerationConfig(with_security_parameters=False, deterministic=True)

schema = schemathesis.openapi.from_asgi(
    "/openapi.json",
    Service(CONFIG, guard=guarded(RING, config=CONFIG), observers=Observers(None, None, FEEDBACK)).app,
    headers={"X-API-Key": KEY},
    config=SchemathesisConfig(
        projects=ProjectsConfig(default=ProjectConfig(generation=DRAWN, analysis=NO_CONSTANTS))
    ),
)


schemathesis.openapi.format(
    "json-object-of-strings",
    st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3).map(json.dumps),
)


@schema.hook
def filter_case(_context: Any, case: Any) -> bool:
    """Leaves out what breaks a rule that OpenAPI has no words for and the description tells."""
    if len(urlencode(case.query or {}, doseq=True)) > CONFIG.service.max_header_bytes - 200:
        return False  # a 414, whatever else is wrong with it
    if case.path == "/v1/score":
        return not names_two_tenants(case)
    if case.path != "/v1/events":
        return True
    headers = {name.lower() for name in case.headers or {}}
    if len(headers & {"x-spit-agent", "x-spit-batch"}) == 1:
        return False
    body = case.body.get("events", case.body) if isinstance(case.body, dict) else case.body
    return not any(starts_late(event) for event in (body if isinstance(body, list) else [body]))


def names_two_tenants(case: Any) -> bool:
    """Whether header, query and body do not agree on the tenant."""
    header = {name.lower(): value for name, value in (case.headers or {}).items()}.get("x-spit-tenant")
    body = case.body if isinstance(case.body, dict) else {}
    named = {str(one) for one in (header, (case.query or {}).get("tenant"), body.get("tenant")) if one}
    return len(named) > 1


def starts_late(event: Any) -> bool:
    """Whether an event starts after its own time."""
    if not isinstance(event, dict):
        return False

    def moment_us(name: str) -> float | None:
        seconds, micros = event.get(name), event.get(f"{name}_us")
        found = micros if seconds is None else seconds
        if isinstance(found, bool) or not isinstance(found, int | float):
            return None
        return float(found) if seconds is None else found * 1e6

    start_us, time_us = moment_us("start_time"), moment_us("time")
    return start_us is not None and time_us is not None and start_us > time_us


@schema.parametrize()
@settings(SETTINGS, max_examples=15)
def test_requests_drawn_from_the_document(case: Any) -> None:
    case.call_and_validate(headers={"X-API-Key": KEY})


@pytest.mark.e2e
@schema.parametrize()
@settings(SETTINGS, max_examples=100)
def test_many_requests_drawn_from_the_document(case: Any) -> None:
    case.call_and_validate(headers={"X-API-Key": KEY})
