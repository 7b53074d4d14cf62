"""Fields of a request, read by a model of pydantic without FastAPI's dependencies (docs/decisions/0019)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from spit.service.problems import validation_problem

_Fields = TypeVar("_Fields", bound=BaseModel)


def read_fields(model: type[_Fields], values: Mapping[str, object]) -> _Fields:
    """Raises ProblemError (422) when a field is wrong."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise validation_problem(error) from None
