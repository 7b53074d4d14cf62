"""The JSON form of a call event as a JSON schema: exactly what ``event_batches.decode_json`` takes.

What a schema has no words for is left to the answer: ``start_time`` is at most ``time``.
"""

from __future__ import annotations

from typing import Any

from spit.records import END_FIELDS, EVENT_SCHEMA, EventKind
from spit.service.event_check import LAST_TIME_S, MAX_TEXT_BYTES, WORDS

_MOMENTS = ("time", "start_time", "end_time")
_END_NAMES = frozenset(field.name for field in END_FIELDS)


def _column(name: str, kind: str, *, is_needed: bool = False) -> dict[str, Any]:
    null = [] if is_needed else ["null"]
    if name in WORDS:
        return {"enum": [*WORDS[name], *([] if is_needed else [None])]}
    if name.endswith("_us"):
        limit = LAST_TIME_S * 1_000_000
        return {"type": ["integer", *null], "minimum": 0, "maximum": limit}
    if kind.startswith("int"):
        limit = 2 ** (int(kind.removeprefix("int")) - 1)
        return {"type": ["integer", *null], "minimum": -limit, "maximum": limit - 1}
    if kind == "double":
        return {"type": ["number", *null], "minimum": 0}
    if kind == "bool":
        return {"type": ["boolean", *null]}
    return {"type": ["string", *null], "maxLength": MAX_TEXT_BYTES}


def _seconds(*, is_needed: bool) -> dict[str, Any]:
    kinds = ["number"] if is_needed else ["number", "null"]
    return {"type": kinds, "minimum": 0, "maximum": LAST_TIME_S, "description": "epoch seconds"}


def _event(kind: EventKind, moments: tuple[str, ...]) -> dict[str, Any]:
    """An event of one kind that names these moments; those of ``_MOMENTS`` are in seconds."""
    needed = {"event", "call_id", *moments}
    if kind is EventKind.END:
        needed.add("outcome")
    named = {name.removesuffix("_us") for name in moments}
    properties: dict[str, Any] = {}
    for field in EVENT_SCHEMA:
        name = field.name
        if name.removesuffix("_us") in named and name not in moments:
            properties[name] = {"type": "null"}  # it is named in seconds
        elif kind is EventKind.ATTEMPT and name in _END_NAMES:
            properties[name] = {"type": "null"}
        else:
            properties[name] = _column(name, str(field.type), is_needed=name in needed)
    for name in _MOMENTS:
        if kind is EventKind.ATTEMPT and name == "end_time":
            properties[name] = {"type": "null"}
        elif name in moments or name not in named:
            properties[name] = _seconds(is_needed=name in needed)
        else:
            properties[name] = {"type": "null"}
    properties["event"] = {"const": kind.value}
    schema: dict[str, Any] = {
        "type": "object",
        "title": f"{kind.value} with {' and '.join(sorted(moments))}",
        "properties": properties,
        "required": sorted(needed),
        "additionalProperties": False,
    }
    both = [
        {
            "required": [name, f"{name}_us"],
            "properties": {name: {"type": "number"}, f"{name}_us": {"type": "integer"}},
        }
        for name in _MOMENTS
        if name not in named and properties[name] != {"type": "null"}
    ]
    return {**schema, "not": {"anyOf": both}} if both else schema


def event_schemas() -> list[dict[str, Any]]:
    """One schema for each kind of event and each way to name its moments; an event satisfies one of them."""
    schemas = []
    for time in ("time", "time_us"):
        schemas.append(_event(EventKind.ATTEMPT, (time,)))
        for start in ("start_time", "start_time_us"):
            schemas.append(_event(EventKind.ANSWER, (time, start)))
            schemas.append(_event(EventKind.END, (time, start)))
    return schemas
