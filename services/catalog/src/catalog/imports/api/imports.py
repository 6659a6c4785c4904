"""/products/imports: the state of imports and their reports."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from catalog.dependencies import Merchandiser
from catalog.errors import ImportFinished, ImportNotFound
from catalog.imports.api.bodies import ImportTask, OutcomeName, RowReport
from catalog.imports.store import imports as store
from catalog.imports.store.report import list_outcomes
from common import clock
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok
from common.web.listing import ORDERING, SearchText
from common.web.pagination import Cursor, InvalidCursor, Page, cursor_meta, page_meta, position, row_number

router = APIRouter(prefix="/products/imports", tags=["products"])

MAX_POSITION = 2**31 - 1
CSV_PAGE = 1000
CSV_HEADER = ("line", "outcome", "product_id", "external_key", "sku", "image", "field", "code", "message")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")

OfOutcome = Annotated[OutcomeName | None, Query(description="only rows with this outcome")]


@router.get("", summary="List imports")
async def list_imports(
    *,
    request: Request,
    _: Merchandiser,
    search: Annotated[
        SearchText | None, Query(description="part of the file's name, the status or the error", examples=["pots.csv"])
    ] = None,
    ordering: Annotated[str, store.SORTING, ORDERING] = "-created_at",
    page: Page,
    begin: Begin,
) -> Envelope[list[ImportTask]]:
    """They are deleted some time after they have finished."""
    async with begin() as tx:
        rows, total = await store.list_imports(tx, search or None, ordering, page)
    return ok([ImportTask.of(row) for row in rows], meta=page_meta(request, page, total))


@router.get("/{import_id}", summary="State of an import", responses=errors(ImportNotFound))
async def get_import(import_id: UUID, _: Merchandiser, begin: Begin) -> Envelope[ImportTask]:
    async with begin() as tx:
        return ok(ImportTask.of(await _found(tx, import_id)))


@router.post("/{import_id}/revoke", summary="Stop an import", responses=errors(ImportNotFound, ImportFinished))
async def revoke_import(import_id: UUID, _: Merchandiser, begin: Begin) -> Envelope[ImportTask]:
    """The rows that are in stay in."""
    async with begin() as tx:
        await _found(tx, import_id)
        if not await store.revoke(tx, import_id, clock.now()):
            raise ImportFinished
        return ok(ImportTask.of(await _found(tx, import_id)), "Import stopped")


@router.get("/{import_id}/rows", summary="Report of an import", responses=errors(ImportNotFound, InvalidCursor))
async def list_rows(
    *,
    import_id: UUID,
    _: Merchandiser,
    outcome: OfOutcome = None,
    search: Annotated[
        SearchText | None, Query(description="part of the line, a key, the image or an error", examples=["KIK-014"])
    ] = None,
    cursor: Cursor,
    begin: Begin,
) -> Envelope[list[RowReport]]:
    """The outcome of each row, in the order of the file."""
    after = position(cursor, _position) or 0
    async with begin() as tx:
        await _found(tx, import_id)
        rows = await list_outcomes(tx, import_id, after, cursor.limit, outcome=outcome, search=search or None)
    last = rows[-1]["position"] if len(rows) == cursor.limit else None
    return ok([RowReport.model_validate(dict(row)) for row in rows], meta=cursor_meta(last))


@router.get(
    "/{import_id}/report.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **errors(ImportNotFound)},
    summary="Report of an import as CSV",
)
async def get_report(import_id: UUID, _: Merchandiser, begin: Begin, outcome: OfOutcome = None) -> Response:
    """One line per error, or per row without one."""
    async with begin() as tx:
        await _found(tx, import_id)
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_csv(begin, import_id, outcome), headers=headers, media_type="text/csv; charset=utf-8")


async def _csv(begin: Begin, import_id: UUID, outcome: str | None) -> AsyncIterator[str]:
    """Page by page, each in a transaction of its own: a slow client holds no connection."""
    yield "\ufeff" + _lines([CSV_HEADER])
    after = 0
    while True:
        async with begin() as tx:
            rows = await list_outcomes(tx, import_id, after, CSV_PAGE, outcome=outcome)
        if not rows:
            return
        yield _lines([line for row in rows for line in _report_lines(row)])
        after = rows[-1]["position"]


def _report_lines(row: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    keys = tuple(row[name] for name in CSV_HEADER[:6])
    problems: list[Mapping[str, Any]] = row["errors"] or [{}]
    return [(*keys, *(problem.get(name) for name in CSV_HEADER[6:])) for problem in problems]


def _lines(rows: list[tuple[Any, ...]]) -> str:
    target = io.StringIO()
    csv.writer(target).writerows([[_cell(value) for value in row] for row in rows])
    return target.getvalue()


def _cell(value: Any) -> str:
    """A spreadsheet would run a text that begins like a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _position(text: str) -> int:
    if (number := row_number(text)) > MAX_POSITION:
        raise ValueError(text)
    return number


async def _found(tx: Transaction, import_id: UUID) -> Mapping[str, Any]:
    row = await store.find_import(tx, import_id)
    if row is None:
        raise ImportNotFound
    return row
