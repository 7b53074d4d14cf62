"""What a request of /v1/score asks, whichever way it came in: the fields, and whose lists are meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from spit.service.attempts import ScoreFields, ScoreOptions, ScoreQuery, ScoreRequest
from spit.service.fields import read_fields
from spit.service.problems import ProblemError, validation_problem
from spit.service.score_request import ScoreRequestHeaders, read_query
from spit.service.tenants import tenant_named

_NO_OPTIONS = ScoreOptions()


class Question(NamedTuple):
    """One attempt to be scored. ``tenant``: whose lists are asked, "" for nobody's."""

    fields: ScoreFields
    tenant: str


def query_question(scope: Mapping[str, Any], headers: ScoreRequestHeaders) -> Question:
    """Of GET. Raises ProblemError (403, 422)."""
    fields = read_fields(ScoreQuery, read_query(scope["query_string"]))
    return Question(fields, tenant_named(scope, fields.tenant, headers.tenant))


def read_options(scope: Mapping[str, Any]) -> ScoreOptions:
    """What the query of POST says. Raises ProblemError (422)."""
    query = read_query(scope["query_string"])
    return read_fields(ScoreOptions, query) if query else _NO_OPTIONS


def body_question(
    scope: Mapping[str, Any], headers: ScoreRequestHeaders, options: ScoreOptions, fields: ScoreFields
) -> Question:
    """Of POST. Raises ProblemError (403, 422)."""
    if options.observe:
        fields = fields.model_copy(update={"observe": True})
    return Question(fields, tenant_named(scope, fields.tenant, headers.tenant))


def read_json(body: bytes) -> ScoreRequest:
    """Raises ProblemError: 400 when it is not JSON, 422 when a field is wrong."""
    try:
        return ScoreRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise ProblemError(400, f"expected a JSON object, found a mistake: {first['msg']}") from None
        raise validation_problem(error) from None
