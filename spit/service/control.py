"""What the routes of lists and audit log share: the control data, who acts, what a failure answers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response

from spit.errors import ControlError
from spit.service.openapi import problems
from spit.service.problems import ProblemError, problem_response

if TYPE_CHECKING:  # it needs SQLAlchemy, and a service without a database does not
    from spit.engine.control_data import ControlData

_log = logging.getLogger("spit.service")
_WORDS = {
    404: "there is no such entry, or no control database is configured",
    409: "there is an entry of the same kind, tenant, pattern and callee",
    503: "the control database does not answer",
}


def control_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """``problems`` in the words of these routes."""
    found = problems(401, 403, 429, *statuses)
    for status, words in _WORDS.items():
        if status in found:
            found[status]["description"] = words
    return found


def needed(control: ControlData | None) -> ControlData:
    """Raises ProblemError (404) where there is none."""
    if control is None:
        raise ProblemError(404, "no lists are kept: storage.url names no database")
    return control


def actor_of(request: Request, named: str = "") -> str:
    """Who acts, for the audit log: the API key; without keys what the request says of itself."""
    principal = request.scope.get("spit.principal")  # the guard notes it there
    if principal is not None:
        key_id = getattr(principal, "id", "")  # keys of a file have none
        return f"key {principal.name} {key_id}".rstrip()
    host = request.client.host if request.client is not None else "unknown"
    return f"{named} at {host}" if named else f"anonymous at {host}"


def install_control_errors(app: FastAPI) -> None:
    """A database that does not answer is a 503; the log has the reason, which names hosts and paths."""

    def on_control(request: Request, error: Exception) -> Response:
        _log.error("%s %s: %s", request.method, request.url.path, error)
        detail = "the control database does not answer; the log tells why"
        return problem_response(503, detail, instance=request.url.path)

    app.add_exception_handler(ControlError, on_control)
