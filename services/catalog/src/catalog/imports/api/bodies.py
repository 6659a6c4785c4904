"""Request and response bodies of imports."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from catalog.imports.domain.encodings import Encoding
from catalog.imports.domain.mapping import unused_columns
from catalog.imports.domain.numbers import DecimalMark
from common.money import Currency
from common.web import fields
from common.web.fields import WHOLE, Count
from common.web.tasks import Task, TaskError, TaskLinks, TaskProgress

MAX_ROWS = 2000
PATH = "/api/v1/products/imports"

ROWS = [{"sku": "KIK-014", "title": "Woven basket", "price": "2500.00"}]
MAPPING = {"title": "title", "price": "price", "sku": "sku"}

OutcomeName = Literal["created", "updated", "unchanged", "failed"]


class ImportForm(BaseModel):
    """What the importer states beside the file or the rows.

    - `mapping` is field → column, completed by columns with known names
    - `currency` is for prices without one, `stock` for new products where no column states it
    - `decimal` is the decimal mark, which makes `1.850` a number: 1.85 with `.`, 1850 with `,`
    - `encoding` is that of a file without byte order mark that is not UTF-8
    """

    model_config = ConfigDict(extra="forbid")

    mapping: dict[str, str] = Field(default_factory=dict, examples=[MAPPING])
    currency: Currency | None = None
    stock: Annotated[int, Field(ge=0, le=1_000_000, examples=[10])] = 0
    decimal: DecimalMark | None = None
    encoding: Encoding | None = None


class ImportRequest(BaseModel):
    """Rows instead of a file; `lines` are the row numbers of the report."""

    model_config = ConfigDict(extra="forbid")

    rows: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ROWS, examples=[ROWS])]
    lines: list[Annotated[int, Field(ge=0, le=2**31 - 1, examples=[2]), WHOLE]] | None = None
    mapping: dict[str, str] = Field(default_factory=dict, examples=[MAPPING])
    currency: Currency | None = None
    stock: Annotated[int, Field(ge=0, le=1_000_000, examples=[10]), WHOLE] = 0
    decimal: DecimalMark | None = None


class RowProblem(BaseModel):
    field: Annotated[str | None, Field(examples=["price"])]
    code: Annotated[str, Field(examples=["not_a_number"])]
    message: Annotated[str, Field(examples=["is not a number: 12 TZS"])]


class RowReport(BaseModel):
    """`image` is the file name of the picture that the row names; the client uploads it next."""

    line: Annotated[int, Field(examples=[2])]
    outcome: OutcomeName
    product_id: UUID | None
    external_key: Annotated[str | None, Field(examples=["basket-014"])]
    sku: fields.Sku | None
    image: Annotated[str | None, Field(examples=["basket.webp"])]
    errors: list[RowProblem]


class ImportResult(BaseModel):
    """`unused_columns` are those that no field takes."""

    created: Count
    updated: Count
    unchanged: Count
    failed: Count
    mapping: Annotated[dict[str, str], Field(examples=[MAPPING])]
    unused_columns: Annotated[list[str], Field(examples=[["Notes"]])]


class ImportTask(Task):
    """An import. `links.result` is its report, which has the rows that are done already, too."""

    type: Literal["products.import"] = "products.import"
    file_name: Annotated[str | None, Field(examples=["products.csv"])]
    result: ImportResult | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        path = f"{PATH}/{row['id']}"
        return cls(
            id=row["id"],
            status=row["status"],
            file_name=row["file_name"],
            progress=TaskProgress(done=row["done"], total=row["total"], note=row["note"]),
            result=_result(row) if row["status"] == "SUCCESS" else None,
            error=TaskError(code=row["error_code"], message=row["error_message"]) if row["error_code"] else None,
            attempts=row["attempts"],
            created_at=row["created_at"],
            started_at=row["started_at"],
            finished_at=row["finished_at"],
            owner_id=row["owner_id"],
            links=TaskLinks(href=path, result=f"{path}/rows"),
        )


class QueuedImport(BaseModel):
    task: ImportTask


def _result(row: Mapping[str, Any]) -> ImportResult:
    return ImportResult(
        created=row["created"],
        updated=row["updated"],
        unchanged=row["unchanged"],
        failed=row["failed"],
        mapping=row["mapping"],
        unused_columns=unused_columns(row["columns"], row["mapping"]),
    )
