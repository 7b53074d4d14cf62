"""Log lines: one per event, as text or JSON, with the request's id and without a secret."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from spit.cli.log import start_log
from spit.cli.redact import redact
from spit.cli.report import print_error
from spit.service.request_id import REQUEST_ID

SECRET = "Zx9-secret-value"  # noqa: S105


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    yield
    for name in ("spit", "uvicorn"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}",
        f"authorization: bearer  {SECRET} and more",
        f"Authorization: {SECRET}",
        f"headers [(b'authorization', b'Bearer {SECRET}')]",
        f"headers [(b'x-api-key', b'{SECRET}'), (b'host', b'a')]",
        f"X-API-Key: {SECRET}",
        f"cannot reach postgresql://spit:{SECRET}@db.example.net/spit",
        f"cannot reach redis://:{SECRET}@127.0.0.1:6379/0: refused",
        f"GET /v1/score?api_key={SECRET}&caller=a",
        f'{{"password": "{SECRET}"}}',
        f"agent_token={SECRET}",
    ],
)
def test_secrets_are_hidden_wherever_they_stand(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert SECRET not in redact(text)
    assert "[hidden]" in redact(text)
    print_error(text)
    for json_lines in (False, True):
        start_log(json_lines=json_lines)
        logging.getLogger("spit.test").error("%s", text)
        logging.getLogger("uvicorn.error").error(text, extra={"fields": {"url": text}})
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("spit.test").exception("failed")
    written = capsys.readouterr().err
    assert len(written.splitlines()) > 6
    assert SECRET not in written


@pytest.mark.parametrize(
    "text",
    [
        "/run/token: the token cannot be read: no such file",
        "request method=GET route=/v1/model status=200 key=support-desk",
        "http://127.0.0.1:8060 does not take events",
        "expected a password of 12 characters",
    ],
)
def test_prose_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


def test_text_lines_are_one_line_each_with_the_id(capsys: pytest.CaptureFixture[str]) -> None:
    start_log()
    REQUEST_ID.set("")
    logging.getLogger("spit.test").warning("caller %s", "x\n2026-01-01T00:00:00Z INFO forged\x1b[2J")
    logging.getLogger("uvicorn.error").info("started")
    token = REQUEST_ID.set("r-1")
    logging.getLogger("spit.test").info("within")
    REQUEST_ID.reset(token)
    first, second, third = capsys.readouterr().err.splitlines()
    assert first.endswith(r"Z WARNING caller x\n2026-01-01T00:00:00Z INFO forged\x1b[2J")
    assert second.endswith("Z INFO started")
    assert third.endswith("Z INFO within request_id=r-1")


def test_a_forged_line_is_none_before_a_traceback_either(capsys: pytest.CaptureFixture[str]) -> None:
    start_log()
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("spit.test").exception("%s", "/a\nforged")
    first, *traceback = capsys.readouterr().err.splitlines()
    assert first.endswith(r"/a\nforged")
    assert traceback[-1] == "ValueError: broken"


def test_json_lines_are_objects_with_the_fields_of_the_event(capsys: pytest.CaptureFixture[str]) -> None:
    start_log(json_lines=True)
    token = REQUEST_ID.set("r-2")
    fields = {"route": "/v1/model", "status": 200, "key": "desk"}
    logging.getLogger("spit.access").info("request", extra={"fields": fields})
    REQUEST_ID.reset(token)
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("spit.test").exception("failed\nfor good")
    access, failed = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert {**access, "time": ""} == {
        "time": "",
        "level": "info",
        "logger": "spit.access",
        "message": "request",
        "request_id": "r-2",
        **fields,
    }
    assert access["time"].endswith("Z")
    assert failed["level"] == "error"
    assert failed["traceback"].endswith("ValueError: broken")
    assert "request_id" not in failed


def test_warnings_that_anybody_can_cause_come_once_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    start_log()

    def warn(name: str, created_s: float) -> None:
        record = logging.LogRecord(name, logging.WARNING, __file__, 1, "Invalid HTTP request", None, None)
        record.created = created_s
        logging.getLogger(name).handle(record)

    for number in range(100):
        warn("uvicorn", 1_000.0 + number / 1_000)
    warn("uvicorn", 1_001.0)
    warn("uvicorn", 5.0)  # the clock was put back
    for _ in range(3):
        warn("spit", 1_001.0)
    lines = [line.partition("WARNING ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "Invalid HTTP request",
        "Invalid HTTP request (99 more before)",
        *["Invalid HTTP request"] * 4,
    ]
