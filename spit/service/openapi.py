"""What /openapi.json says beyond what FastAPI can tell from the signatures: bodies, forms, problems."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from spit.records import ActionKind
from spit.service.answer_forms import FORM, JSON, TEXT, ReasonModel, ScoreModel, SipModel
from spit.service.attempts import ScoreForm, ScoreRequest
from spit.service.event_schema import event_schemas
from spit.service.problems import PROBLEM_JSON, FieldError, Problem

ARROW_STREAM = "application/vnd.apache.arrow.stream"
_REF = "#/components/schemas/{model}"
#: Named by ``$ref`` below, so FastAPI does not find them by itself.
_MODELS: tuple[type[BaseModel], ...] = (
    FieldError,
    Problem,
    ReasonModel,
    ScoreForm,
    ScoreModel,
    ScoreRequest,
    SipModel,
)
_ACTION = {"type": "string", "enum": [kind.value for kind in ActionKind]}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REF.format(model=model.__name__)}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problem responses of a route."""
    words = {
        400: "the body cannot be read",
        401: "the key is missing or wrong",
        403: "the key has not the scope",
        404: "nothing is known of it",
        409: "the batch number lies too far below the agent's highest",
        408: "the body did not come in time",
        413: "the body is too large",
        414: "path and query are too long",
        415: "the Content-Type is not taken",
        422: "a field is missing or wrong",
        429: "too many requests, or the reporter has said enough for this day; Retry-After tells seconds",
        431: "the headers are too large",
        500: "the service failed",
        503: "it cannot be done now; later it can",
    }
    return {
        status: {"description": words[status], "content": {PROBLEM_JSON: {"schema": _ref(Problem)}}}
        for status in statuses
    }


SCORE_REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        JSON: {"schema": _ref(ScoreRequest)},
        FORM: {"schema": _ref(ScoreForm)},
        "multipart/form-data": {"schema": _ref(ScoreForm)},
        "application/sip": {"schema": {"type": "string", "description": "the INVITE or MESSAGE as received"}},
    },
}

SCORE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "what to do with the attempt",
        "headers": {
            "X-Spam-Action": {"description": "the action", "schema": _ACTION},
            "X-Spam-Score": {"description": "0 to 1", "schema": {"type": "number"}},
            "X-Spam-Reason": {"description": "the strongest symbol, or empty", "schema": {"type": "string"}},
        },
        "content": {
            JSON: {"schema": _ref(ScoreModel)},
            TEXT: {"schema": _ACTION},
            FORM: {
                "schema": {
                    "type": "object",
                    "properties": {
                        "action": _ACTION,
                        "would_action": _ACTION,
                        "score": {"type": "number"},
                        "label": {"type": "string"},
                        "code": {"type": "string", "description": "SIP status, or empty"},
                        "reason": {"type": "string", "description": "SIP reason phrase, or empty"},
                        "reason_symbols": {"type": "string", "description": "comma-separated"},
                        "ttl_s": {"type": "integer"},
                        "model": {"type": "string"},
                        "mode": {"type": "string"},
                        "degraded": {"type": "boolean"},
                    },
                    "additionalProperties": {
                        "type": "string",
                        "description": "header_NAME of the SIP answer, add_NAME of a tagged INVITE",
                    },
                }
            },
        },
    },
    **problems(400, 401, 403, 413, 415, 422),
}


def query_parameters(model: type[BaseModel], *, place: str = "query") -> list[dict[str, Any]]:
    """The parameters of a route that reads ``model`` from its query (or from another ``place``) by itself, as
    FastAPI would tell them."""
    document = model.model_json_schema()
    required = document.get("required", [])
    parameters = []
    for name, found in document["properties"].items():
        schema = {key: value for key, value in found.items() if (key, value) != ("default", None)}
        parameter = {"name": name, "in": place, "required": name in required, "schema": schema}
        parameters.append({**parameter, "description": schema["description"]})
    return parameters


#: Named in the document: an event may stand alone, in a list, or in ``events``.
_EVENT_SCHEMAS = {"CallEvent": {"anyOf": event_schemas()}}
_EVENT = {"$ref": "#/components/schemas/CallEvent"}
_EVENTS = {"type": "array", "items": _EVENT}
EVENTS_REQUEST_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        JSON: {
            "schema": {
                "anyOf": [
                    {"type": "object", "required": ["events"], "properties": {"events": _EVENTS}},
                    _EVENTS,
                    _EVENT,
                ]
            }
        },
        ARROW_STREAM: {"schema": {"type": "string", "format": "binary"}},
    },
}


def install_openapi(app: FastAPI) -> None:
    """Completes the document with the models that are only named by reference."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.routes
            )
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            for model in _MODELS:
                schema = model.model_json_schema(ref_template=_REF)
                schema.pop("$defs", None)  # every model it names is in _MODELS or is an enumeration below
                schemas.setdefault(model.__name__, schema)
            _add_enumerations(schemas)
            for field in schemas[ScoreForm.__name__]["properties"].values():
                _leave_out_null(field)
            schemas.update(_EVENT_SCHEMAS)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # the way that FastAPI documents


def _leave_out_null(schema: dict[str, Any]) -> None:
    """A form has texts only: a field that is nothing is left out or blank."""
    schema.pop("default", None)
    if "anyOf" in schema:
        schema["anyOf"] = [one for one in schema["anyOf"] if one.get("type") != "null"]


def _add_enumerations(schemas: dict[str, Any]) -> None:
    for name, schema in ScoreModel.model_json_schema(ref_template=_REF)["$defs"].items():
        schemas.setdefault(name, schema)
