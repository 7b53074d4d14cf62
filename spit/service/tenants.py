"""Whose lists a request is about: what it says itself, and what its key allows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from spit.service.attempts import ScoreHeaders
from spit.service.fields import read_fields
from spit.service.guard import principal_of
from spit.service.problems import FieldError, ProblemError, show


def tenant_of(request: Request, field: str = "") -> str:
    """The tenant of a request, "" where none is known.

    ``field``: what its body or query names. Raises ProblemError: 422 where body and header name two, 403
    where the key is another tenant's.
    """
    return tenant_named(request.scope, field, request.headers.get("x-spit-tenant"))


def tenant_named(scope: Mapping[str, Any], field: str, found: str | None) -> str:
    """As ``tenant_of``. ``found``: the value of the header X-Spit-Tenant, None without one."""
    header = "" if found is None else read_fields(ScoreHeaders, {"X-Spit-Tenant": found}).tenant or ""
    if field and header and header != field:
        mistake = FieldError(field="tenant", expected=f"that of X-Spit-Tenant ({header})", found=show(field))
        raise ProblemError(422, "the request names two tenants", [mistake])
    return own_tenant(scope, field or header)


def own_tenant(scope: Mapping[str, Any], named: str) -> str:
    """``named``, or the tenant of the key where nothing is named. Raises ProblemError (403) for another."""
    bound = bound_tenant(scope)
    if bound and named not in ("", bound):
        raise ProblemError(403, f"expected the tenant of the key ({bound}), found {show(named)}")
    return named or bound


def bound_tenant(scope: Mapping[str, Any]) -> str:
    """Whose key was shown; "" where it is no tenant's, or there is none."""
    principal = principal_of(scope)
    return "" if principal is None else principal.tenant
