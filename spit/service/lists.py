"""/v1/lists: entries of the lists, one by one and as files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from spit.list_files import (
    ImportMistakesError,
    csv_lines,
    entry_fields,
    json_lines,
    parse_csv,
    parse_json,
)
from spit.lists import (
    CALLBACK_DELAY_S,
    CALLBACK_WINDOW_S,
    CALLEE_FORM,
    LAST_TIME_S,
    MAX_CALLBACK_S,
    MAX_PATTERN,
    MAX_TEXT,
    PATTERN_FORM,
    TENANT_FORM,
    TEXT_FORM,
    EntryError,
    FieldMistake,
    ListEntry,
    ListKind,
    read_entry,
)
from spit.service.control import actor_of, control_problems, needed
from spit.service.identity import Canonicalise
from spit.service.problems import FieldError, ProblemError
from spit.service.scopes import requires
from spit.service.tenants import bound_tenant, own_tenant
from spit.storage.list_queries import EntryExistsError, Filter

if TYPE_CHECKING:
    from spit.engine.control_data import ControlData

CSV = "text/csv"
JSON = "application/json"
#: Larger files are for ``spit lists import``.
MAX_IMPORT_BYTES = 32 * 2**20

EntryId = Annotated[int, Path(ge=1, le=2**63 - 1)]
OptionalSeconds = Annotated[int | None, Field(ge=1, le=MAX_CALLBACK_S)]


class ListEntryFields(BaseModel):
    """What a client says of an entry."""

    # An unknown field is refused: a misspelt expires_at would make an entry that never ends.
    model_config = ConfigDict(extra="forbid")

    kind: ListKind
    pattern: str = Field(
        pattern=PATTERN_FORM,
        max_length=MAX_PATTERN,
        description="callers (of a decoy: the callee): an identity or URI, a prefix (+1202555*), a range "
        "(+12025550100-+12025550199), or * with a callee",
    )
    tenant: str = Field(default="", pattern=TENANT_FORM, description='"": all tenants')
    callee: str = Field(
        default="",
        pattern=CALLEE_FORM,
        max_length=MAX_PATTERN,
        description='a pattern too; "": every callee; needed by consent, refused by dno and decoy',
    )
    expires_at: float | None = Field(
        default=None, ge=0, le=LAST_TIME_S, description="epoch seconds; null: never"
    )
    reason: str = Field(default="", max_length=MAX_TEXT, pattern=TEXT_FORM)
    author: str = Field(default="", max_length=MAX_TEXT, pattern=TEXT_FORM)
    callback_delay_s: OptionalSeconds = Field(
        default=None,
        description=f"of grey: seconds until a call back passes, {CALLBACK_DELAY_S} when left out",
    )
    callback_window_s: OptionalSeconds = Field(
        default=None, description=f"of grey: for how long from then on, {CALLBACK_WINDOW_S} when left out"
    )


class ListEntryModel(ListEntryFields):
    """An entry as it is kept."""

    id: int
    created_at: float = Field(description="epoch seconds")


class ListPage(BaseModel):
    """Entries by id."""

    entries: list[ListEntryModel]
    next: int | None = Field(description="after of the next page; null: this was the last one")


class ImportAccepted(BaseModel):
    """What became of the entries of a file."""

    added: int
    changed: int = Field(description="took the place of one of the same kind, tenant, pattern and callee")
    unchanged: int


def entry_filter(
    request: Request,
    kind: Annotated[ListKind | None, Query()] = None,
    tenant: Annotated[
        str | None, Query(pattern=TENANT_FORM, description='"": only entries of all tenants')
    ] = None,
    pattern: Annotated[str, Query(max_length=MAX_PATTERN, description="exactly this one")] = "",
    callee: Annotated[str | None, Query(max_length=MAX_PATTERN, description="exactly this one")] = None,
    active_at: Annotated[
        float | None, Query(ge=0, le=LAST_TIME_S, description="not expired then, epoch seconds")
    ] = None,
) -> Filter:
    """Of the query, and of whose key it is. Raises ProblemError (403)."""
    bound = bound_tenant(request.scope)
    if bound and tenant == "":
        raise ProblemError(403, f"expected the tenant of the key ({bound}), found the entries of all tenants")
    return Filter(
        "" if kind is None else kind.value,
        own_tenant(request.scope, tenant or "") if bound else tenant,
        pattern.lower(),
        None if callee is None else callee.lower(),
        None if active_at is None else round(active_at * 1e6),
    )


Asked = Annotated[Filter, Depends(entry_filter)]
_FILE = {"schema": {"type": "string"}}
_ENTRIES = {"schema": {"type": "array", "items": {"type": "object"}}}
_IMPORT_BODY: dict[str, Any] = {"requestBody": {"required": True, "content": {CSV: _FILE, JSON: _ENTRIES}}}
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {"description": "every entry", "content": {CSV: _FILE, JSON: _ENTRIES}}
}


def lists_router(control: ControlData | None, canonicalise: Canonicalise) -> APIRouter:
    """The routes. ``control``: None where no database is configured."""
    router = APIRouter(tags=["lists"], dependencies=requires("lists"))
    limiter = CapacityLimiter(1)  # a long file must not take the threads that scores are waiting for

    @router.get(
        "/v1/lists",
        response_model=ListPage,
        responses=control_problems(404, 422, 503),
        operation_id="list_entries",
    )
    def list_entries(
        wanted: Asked,
        after: Annotated[int, Query(ge=0, le=2**63 - 1, description="next of the page before")] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> ListPage:
        """Entries by id, page by page; all that match the filters."""
        found = needed(control).entries.find(wanted, after_id=after, limit=limit + 1)
        more = len(found) > limit
        return ListPage(
            entries=[_model(one) for one in found[:limit]], next=found[limit - 1].id if more else None
        )

    @router.post(
        "/v1/lists",
        status_code=201,
        response_model=ListEntryModel,
        responses=control_problems(400, 404, 409, 422, 503),
        operation_id="create_entry",
    )
    def create_entry(request: Request, response: Response, body: ListEntryFields) -> ListEntryModel:
        """Add an entry. It is on disk and in force when the answer comes."""
        data = needed(control)
        entry, now_us = _read(request, body, canonicalise), data.clock()
        with _one_of_each():
            made = data.entries.create(entry, actor=actor_of(request, entry.author), time_us=now_us)
        data.refresh()
        response.headers["Location"] = f"/v1/lists/{made.id}"
        return _model(made)

    @router.get(
        "/v1/lists/export",
        responses=_EXPORT | control_problems(404, 422, 503),
        response_class=StreamingResponse,
        operation_id="export_entries",
    )
    def export_entries(
        wanted: Asked,
        format: Annotated[Literal["csv", "json"], Query()] = "csv",  # noqa: A002
    ) -> Response:
        """All entries that match the filters, as a file that can be imported again."""
        entries = needed(control).entries.export(wanted)
        # The first page is read here: a database that is away is a 503, not half a file.
        first = list(islice(entries, 1))
        whole = chain(first, entries)
        lines = csv_lines(whole) if format == "csv" else json_lines(whole)
        return StreamingResponse(
            lines,
            media_type=CSV if format == "csv" else JSON,
            headers={"Content-Disposition": f'attachment; filename="lists.{format}"'},
        )

    @router.post(
        "/v1/lists/import",
        response_model=ImportAccepted,
        responses=control_problems(400, 404, 413, 415, 422, 503),
        operation_id="import_entries",
        openapi_extra=_IMPORT_BODY,
    )
    async def import_entries(request: Request) -> ImportAccepted:
        """Add the entries of a file, or take none of it; entries that are there take the file's values."""
        data = needed(control)
        media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type not in (CSV, JSON):
            raise ProblemError(415, f"expected Content-Type {CSV} or {JSON}, found {media_type or 'none'}")
        body = await request.body()
        actor = actor_of(request)

        def keep() -> ImportAccepted:
            entries = [_owned(request, one) for one in _parse(body, media_type, canonicalise)]
            done = data.entries.import_entries(entries, actor=actor, time_us=data.clock())
            data.refresh()
            return ImportAccepted(added=done.added, changed=done.changed, unchanged=done.unchanged)

        return await to_thread.run_sync(keep, limiter=limiter)

    @router.get(
        "/v1/lists/{id}",
        response_model=ListEntryModel,
        responses=control_problems(404, 422, 503),
        operation_id="read_entry",
    )
    def read_one(request: Request, id: EntryId) -> ListEntryModel:  # noqa: A002  as the other paths name it
        """One entry."""
        return _model(_found(needed(control).entries.get(id, of_tenant=_whose(request)), id))

    @router.put(
        "/v1/lists/{id}",
        response_model=ListEntryModel,
        responses=control_problems(400, 404, 409, 422, 503),
        operation_id="change_entry",
    )
    def change_entry(request: Request, id: EntryId, body: ListEntryFields) -> ListEntryModel:  # noqa: A002
        """Put another entry in its place; what is left out has its default."""
        data = needed(control)
        entry = _read(request, body, canonicalise)
        with _one_of_each():
            changed = data.entries.change(
                id,
                entry,
                actor=actor_of(request, entry.author),
                time_us=data.clock(),
                of_tenant=_whose(request),
            )
        data.refresh()
        return _model(_found(changed, id))

    @router.delete(
        "/v1/lists/{id}",
        status_code=204,
        response_class=Response,
        responses=control_problems(404, 422, 503),
        operation_id="remove_entry",
    )
    def remove_entry(request: Request, id: EntryId) -> None:  # noqa: A002
        """Remove an entry; the audit log keeps what it was."""
        data = needed(control)
        removed = data.entries.remove(
            id, actor=actor_of(request), time_us=data.clock(), of_tenant=_whose(request)
        )
        _found(removed, id)
        data.refresh()

    return router


@contextmanager
def _one_of_each() -> Iterator[None]:
    """Raises ProblemError (409) for a second entry of the same key."""
    try:
        yield
    except EntryExistsError as error:
        raise ProblemError(409, str(error)) from None


def _read(request: Request, body: ListEntryFields, canonicalise: Canonicalise) -> ListEntry:
    """Raises ProblemError (403, 422)."""
    try:
        return _owned(request, read_entry(body.model_dump(), canonicalise))
    except EntryError as error:
        raise _mistakes(error.mistakes) from None


def _owned(request: Request, entry: ListEntry) -> ListEntry:
    """An entry that names no tenant is that of the key's. Raises ProblemError (403) for another's."""
    if bound_tenant(request.scope) and entry.kind is ListKind.DECOY:
        raise ProblemError(403, "expected a key of no tenant for a decoy, which holds for all of them")
    return replace(entry, tenant=own_tenant(request.scope, entry.tenant))


def _whose(request: Request) -> str | None:
    """Whose entries alone are there for the key that was shown; None: everybody's."""
    return bound_tenant(request.scope) or None


def _parse(body: bytes, media_type: str, canonicalise: Canonicalise) -> list[ListEntry]:
    """Raises ProblemError: 400 where it is no text, 422 where it has mistakes."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"expected UTF-8 text, found another byte at offset {error.start}"
        raise ProblemError(400, detail) from None
    try:
        return parse_csv(text, canonicalise) if media_type == CSV else parse_json(text, canonicalise)
    except ImportMistakesError as error:
        raise _mistakes(error.mistakes, "nothing was imported") from None


def _mistakes(found: Sequence[FieldMistake], what: str = "the entry was not taken") -> ProblemError:
    fields = "; ".join(dict.fromkeys(one.field for one in found))
    errors = [FieldError(field=one.field, expected=one.expected, found=one.found) for one in found]
    return ProblemError(422, f"{what}; there are mistakes in: {fields}", errors)


def _found(entry: ListEntry | None, entry_id: int) -> ListEntry:
    if entry is None:
        raise ProblemError(404, f"there is no entry {entry_id}")
    return entry


def _model(entry: ListEntry) -> ListEntryModel:
    return ListEntryModel(**entry_fields(entry))
