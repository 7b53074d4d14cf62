"""GET /v1/audit: who changed lists and keys, when, from what to what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from spit.service.control import control_problems, needed
from spit.service.scopes import requires

if TYPE_CHECKING:
    from spit.engine.control_data import ControlData

Name = Annotated[str, Query(max_length=256)]


class AuditModel(BaseModel):
    """One change. Nothing here is ever altered or removed."""

    id: int
    time: float = Field(description="epoch seconds")
    actor: str
    action: str = Field(description="create, change, remove, import or revoke")
    object: str = Field(description="list_entry or api_key")
    object_id: str
    before: dict[str, Any] | None = Field(description="null: it was made")
    after: dict[str, Any] | None = Field(description="null: it was removed")


class AuditPage(BaseModel):
    """Changes, the newest first."""

    records: list[AuditModel]
    next: int | None = Field(description="before of the next page; null: this was the last one")


def audit_router(control: ControlData | None) -> APIRouter:
    """The route. ``control``: None where no database is configured."""
    router = APIRouter(tags=["lists"], dependencies=requires("admin"))

    @router.get(
        "/v1/audit", response_model=AuditPage, responses=control_problems(404, 422, 503), operation_id="audit"
    )
    def audit(
        object: Name = "",  # noqa: A002
        object_id: Name = "",
        actor: Name = "",
        before: Annotated[
            int | None, Query(ge=1, le=2**63 - 1, description="next of the page before")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> AuditPage:
        """The audit log."""
        found = needed(control).audit.find(
            object_=object, object_id=object_id, actor=actor, before_id=before, limit=limit + 1
        )
        records = [
            AuditModel(
                id=one.id,
                time=one.time_us / 1e6,
                actor=one.actor,
                action=one.change.action,
                object=one.change.object,
                object_id=one.change.object_id,
                before=one.change.before,
                after=one.change.after,
            )
            for one in found[:limit]
        ]
        return AuditPage(records=records, next=records[-1].id if len(found) > limit else None)

    return router
