"""POST /products/import: many products at once, from JSON rows or an uploaded CSV or JSON file."""

from collections import Counter
from typing import Annotated, Any, Literal, Self, get_args
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile

from catalog.dependencies import DefaultCurrency, Merchandiser
from catalog.errors import ColumnMissing, FileMissing, MalformedMapping, UnknownColumn, UnknownField, UnreadableFile
from catalog.imports.domain.files import SourceRow, rows_of
from catalog.imports.domain.mapping import ColumnMapping, mapping_of
from catalog.imports.domain.rows import BadRowError, imported_product
from catalog.imports.usecases import import_product
from common.errors import DukanError, Invalid
from common.money import Currency
from common.openapi.errors import errors
from common.web import fields
from common.web.dependencies import Begin
from common.web.envelope import Envelope, ok
from common.web.fields import WHOLE, Count

router = APIRouter(prefix="/products/import", tags=["products"])

MAX_ROWS = 2000

ROWS = [{"sku": "KIK-014", "title": "Woven basket", "price": "2500.00"}]
MAPPING = {"title": "title", "price": "price", "sku": "sku"}

Outcome = Literal["created", "updated", "unchanged", "failed"]


class ImportRequest(BaseModel):
    """`mapping` is field → column, completed by columns with known names; `lines` are the row numbers of the report."""

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ROWS, examples=[ROWS])]
    lines: list[Annotated[int, Field(examples=[2]), WHOLE]] | None = None
    mapping: dict[str, str] = Field(default_factory=dict, examples=[MAPPING])
    currency: Currency | None = None


class RowProblem(BaseModel):
    field: Annotated[str | None, Field(examples=["price"])]
    message: Annotated[str, Field(examples=["is not a number: 12 TZS"])]


class RowReport(BaseModel):
    """`image` is the file name of the picture that the row names; the client uploads it next."""

    line: Annotated[int, Field(examples=[2])]
    outcome: Outcome
    product_id: UUID | None = None
    external_key: Annotated[str | None, Field(examples=["basket-014"])] = None
    sku: fields.Sku | None = None
    image: Annotated[str | None, Field(examples=["basket.webp"])] = None
    errors: list[RowProblem] = Field(default_factory=list)


class ImportReport(BaseModel):
    mapping: Annotated[dict[str, str], Field(examples=[MAPPING])]
    created: Count
    updated: Count
    unchanged: Count
    failed: Count
    rows: list[RowReport]

    @classmethod
    def of(cls, mapping: ColumnMapping, rows: list[RowReport]) -> Self:
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
        "mapping": {"type": "string", "description": "JSON object: field → column", "examples": ['{"title": "name"}']},
        "currency": {"type": "string", "examples": ["TZS"]},
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


@router.post(
    "",
    openapi_extra=BODY,
    summary="Import many products",
    responses=errors(ColumnMissing, UnreadableFile, FileMissing, MalformedMapping, UnknownField, UnknownColumn),
)
async def post_import(
    request: Request, caller: Merchandiser, default_currency: DefaultCurrency, begin: Begin
) -> Envelope[ImportReport]:
    """Each row is imported separately: errors are reported by line and column. An import can be repeated safely."""
    body = await _body(request)
    mapping = mapping_of({column: None for row in body.rows for column in row}, body.mapping)
    currency = body.currency or default_currency
    lines = body.lines or range(1, len(body.rows) + 1)
    sources = [SourceRow(line, row) for line, row in zip(lines, body.rows, strict=True)]
    reports = [await _import(begin, source, mapping, currency, caller.user_id) for source in sources]
    return ok(ImportReport.of(mapping, reports), "Imported")


async def _import(begin: Begin, source: SourceRow, mapping: ColumnMapping, currency: str, actor: UUID) -> RowReport:
    try:
        row = imported_product(source.values, mapping, currency)
        async with begin() as tx:
            result = await import_product(tx, row, actor)
    except BadRowError as error:
        problems = [RowProblem(field=field, message=message) for field, message in error.problems]
        return RowReport(line=source.line, outcome="failed", errors=problems)
    except DukanError as error:
        column = mapping.get(error.field or "", error.field)
        return RowReport(line=source.line, outcome="failed", errors=[RowProblem(field=column, message=error.message)])
    return RowReport(
        line=source.line,
        outcome=result.outcome,
        product_id=result.product_id,
        external_key=row.external_key,
        sku=row.sku,
        image=row.image,
    )


async def _body(request: Request) -> ImportRequest:
    is_form = request.headers.get("content-type", "").startswith("multipart/form-data")
    try:
        body = await _form_body(request) if is_form else ImportRequest.model_validate_json(await request.body())
    except ValidationError as error:
        raise RequestValidationError([{**item, "loc": ("body", *item["loc"])} for item in error.errors()]) from error
    if body.lines is not None and len(body.lines) != len(body.rows):
        raise Invalid("There must be one line number per row", field="lines")
    return body


async def _form_body(request: Request) -> ImportRequest:
    async with request.form(max_files=1) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise FileMissing
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
        raise MalformedMapping from error
