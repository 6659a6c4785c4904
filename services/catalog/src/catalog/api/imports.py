"""POST /products/import: many products at once, from JSON rows or an uploaded CSV or JSON file."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any, Literal, Self, get_args
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from catalog.api import refused
from catalog.domain.import_mapping import Mapped, mapping_of
from catalog.domain.imported_files import SourceRow, rows_of
from catalog.domain.imported_rows import BadRowError, imported_product
from catalog.usecases.import_product import import_product
from common.errors import DukanError, Invalid
from common.money import Currency
from common.persistence.transaction import Transaction
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import WHOLE

router = APIRouter(prefix="/products/import", tags=["products"])

Merchandiser = Annotated[Identity, may("offer.manage")]

MOST_ROWS = 2000

ROWS = [{"sku": "KIK-014", "title": "Woven basket", "price": "2500.00"}]

Outcome = Literal["created", "updated", "unchanged", "failed"]


class ImportRequest(BaseModel):
    """`mapping` is field → column, completed by what the columns' names tell; `lines` are how the report names rows."""

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MOST_ROWS, examples=[ROWS])]
    lines: list[Annotated[int, WHOLE]] | None = None
    mapping: dict[str, str] = Field(default_factory=dict)
    currency: Currency | None = None


class RowProblem(BaseModel):
    field: str | None
    message: str


class RowReport(BaseModel):
    """`image` is the name of the picture that the row states, for whoever uploads it next."""

    line: int
    outcome: Outcome
    product_id: UUID | None = None
    external_key: str | None = None
    sku: str | None = None
    image: str | None = None
    errors: list[RowProblem] = Field(default_factory=list)


class ImportReport(BaseModel):
    mapping: dict[str, str]
    created: int
    updated: int
    unchanged: int
    failed: int
    rows: list[RowReport]

    @classmethod
    def of(cls, mapping: Mapped, rows: list[RowReport]) -> Self:
        counts: Counter[Outcome] = Counter(row.outcome for row in rows)
        return cls(mapping=mapping, rows=rows, **{outcome: counts[outcome] for outcome in get_args(Outcome)})


FORM = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {
            "type": "string",
            "format": "binary",
            "examples": ["sku,title,price\nKIK-014,Woven basket,2500.00\n"],
        },
        "mapping": {"type": "string", "description": "JSON object: field → column"},
        "currency": {"type": "string"},
    },
}
BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": ImportRequest.model_json_schema()},
            "multipart/form-data": {"schema": FORM},
        },
    }
}


@router.post("", openapi_extra=BODY, summary="Import many products", responses=refused.IMPORTING)
async def post_import(request: Request, caller: Merchandiser, begin: Begin) -> Envelope[ImportReport]:
    """Each row for itself: good ones go in, bad ones are reported by line and column. Running it again is safe."""
    wanted = await _read(request)
    mapping = mapping_of({column: None for row in wanted.rows for column in row}, wanted.mapping)
    currency = wanted.currency or request.app.state.currency
    lines = wanted.lines or range(1, len(wanted.rows) + 1)
    sources = [SourceRow(line, row) for line, row in zip(lines, wanted.rows, strict=True)]
    reports = [await _import(begin, source, mapping, currency, caller.user_id) for source in sources]
    return ok(ImportReport.of(mapping, reports), "Imported")


async def _import(
    begin: Callable[[], AbstractAsyncContextManager[Transaction]],
    source: SourceRow,
    mapping: Mapped,
    currency: str,
    actor: UUID,
) -> RowReport:
    try:
        row = imported_product(source.values, mapping, currency)
        async with begin() as tx:
            imported = await import_product(tx, row, actor)
    except BadRowError as error:
        problems = [RowProblem(field=field, message=message) for field, message in error.problems]
        return RowReport(line=source.line, outcome="failed", errors=problems)
    except DukanError as error:
        column = mapping.get(error.field or "", error.field)
        return RowReport(line=source.line, outcome="failed", errors=[RowProblem(field=column, message=error.message)])
    return RowReport(
        line=source.line,
        outcome=imported.outcome,
        product_id=imported.product_id,
        external_key=row.external_key,
        sku=row.sku,
        image=row.image,
    )


async def _read(request: Request) -> ImportRequest:
    form = request.headers.get("content-type", "").startswith("multipart/form-data")
    try:
        wanted = await _from_form(request) if form else ImportRequest.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from error
    if wanted.lines is not None and len(wanted.lines) != len(wanted.rows):
        raise Invalid("There is one line number per row", field="lines")
    return wanted


async def _from_form(request: Request) -> ImportRequest:
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid("A file is needed", code="missing", field="file")
        rows = rows_of(await file.read())
        return ImportRequest(
            rows=[row.values for row in rows],
            lines=[row.line for row in rows],
            mapping=_mapping(form.get("mapping")),
            currency=str(form["currency"]) if form.get("currency") else None,
        )


def _mapping(text: object) -> Any:
    if not text:
        return {}
    try:
        return orjson.loads(str(text))
    except ValueError as error:
        raise Invalid("This is no JSON object", code="malformed_json", field="mapping") from error
