"""Every error answer is a problem document (RFC 9457): what was expected, what was found, where."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from starlette.exceptions import HTTPException

PROBLEM_JSON = "application/problem+json"
#: More would not be read, and a bad body of 64 MiB must not make an answer of the same size.
MAX_ERRORS = 20

_log = logging.getLogger("spit.service")


class FieldError(BaseModel):
    """One mistake in a request."""

    field: str
    expected: str
    found: str
    row: int | None = Field(default=None, description="index of the event in a batch, from 0")


class Problem(BaseModel):
    """RFC 9457 section 3; ``errors`` is this service's extension member."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    instance: str
    errors: list[FieldError] = []


class ProblemError(Exception):
    """Raised anywhere below a route; becomes a problem document."""

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[FieldError] = (),
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers
        self.detail = detail
        self.errors = tuple(errors)


def show(value: object) -> str:
    """A value as error messages show it: short, with its type when it is not text."""
    shown = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    return shown if len(shown) <= 80 else shown[:77] + "..."


def problem_response(
    status: int,
    detail: str,
    *,
    instance: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for one error."""
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": instance,
    }
    if errors:
        document["errors"] = [error.model_dump(exclude_none=True) for error in errors[:MAX_ERRORS]]
    return Response(json.dumps(document), status, headers, PROBLEM_JSON)


def validation_problem(error: ValidationError | RequestValidationError) -> ProblemError:
    """The 422 of a request that pydantic refuses; names each field."""
    found = [_field_error(one) for one in error.errors()]
    fields = ", ".join(dict.fromkeys(one.field for one in found))
    return ProblemError(422, f"the request has mistakes in: {fields}", found)


def _field_error(error: Mapping[str, object]) -> FieldError:
    location = error["loc"]
    parts = [str(part) for part in location] if isinstance(location, tuple) else []
    if len(parts) > 1 and parts[0] in {"query", "path", "header", "body"}:
        parts = parts[1:]
    missing = error["type"] == "missing"
    expected = "a value" if missing else str(error["msg"]).removeprefix("Value error, ")
    return FieldError(
        field=".".join(parts) or "body",
        expected=expected,
        found="nothing" if missing else show(error.get("input")),
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Route every error of ``app`` through ``problem_response``."""

    def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, ProblemError)  # noqa: S101  Starlette types every handler's error as Exception
        return problem_response(
            error.status,
            error.detail,
            instance=request.url.path,
            errors=error.errors,
            headers=error.headers,
        )

    def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101
        return on_problem(request, validation_problem(error))

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101
        path = request.url.path
        detail = {
            404: f"expected a path of /openapi.json, found {show(path)}",
            405: f"{path} does not take {show(request.method)}",
        }.get(error.status_code, str(error.detail))
        return problem_response(error.status_code, detail, instance=path, headers=error.headers)

    def on_crash(request: Request, error: Exception) -> Response:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return problem_response(500, "the service failed; its log tells why", instance=request.url.path)

    app.add_exception_handler(ProblemError, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(Exception, on_crash)
