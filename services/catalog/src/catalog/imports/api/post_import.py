"""POST /products/import: many products at once, from an uploaded CSV or JSON file or from JSON rows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import SEEK_END, BytesIO
from typing import Any, BinaryIO, NamedTuple

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile

from catalog.dependencies import DefaultCurrency, Merchandiser
from catalog.errors import (
    AmbiguousColumn,
    ColumnMissing,
    DuplicateColumn,
    FileMissing,
    MalformedMapping,
    TooManyImports,
    UnknownColumn,
    UnknownField,
    UnreadableFile,
)
from catalog.imports.api.bodies import PATH, ImportForm, ImportRequest, ImportTask, QueuedImport
from catalog.imports.api.dependencies import Imports
from catalog.imports.domain.cells import RepeatedKeys, shown
from catalog.imports.domain.files import HEAD_ROWS, open_file, survey
from catalog.imports.domain.json_rows import DECODER
from catalog.imports.domain.mapping import mapping_of
from catalog.imports.store.imports import find_import
from catalog.imports.usecases.queue_import import ImportOptions, queue_import
from common.errors import Invalid, MalformedJson, PayloadTooLarge, UnsupportedMediaType
from common.openapi.errors import errors
from common.web.dependencies import Begin
from common.web.envelope import Envelope, accepted
from common.web.validation.problems import validated

router = APIRouter(prefix="/products/import", tags=["products"])

MAX_JSON_BYTES = 10 * 1024 * 1024
CHUNK_BYTES = 1024 * 1024
MAX_NAME_CHARACTERS = 200

COLUMN_ERRORS = (ColumnMissing, DuplicateColumn, AmbiguousColumn, UnknownField, UnknownColumn)
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
        "currency": {"type": "string", "description": "of prices without one", "examples": ["TZS"]},
        "stock": {"type": "string", "description": "of new products without one", "examples": ["10"]},
        "decimal": {"type": "string", "enum": [".", ","], "description": "the decimal mark of the file"},
        "encoding": {
            "type": "string",
            "enum": ["utf-8", "utf-16", "windows-1250", "windows-1252", "iso-8859-1", "iso-8859-15"],
            "description": "of a file without byte order mark; default: UTF-8",
        },
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


class _Upload(NamedTuple):
    file: BinaryIO
    name: str | None
    options: ImportOptions


@router.post(
    "",
    status_code=202,
    openapi_extra=BODY,
    summary="Import many products",
    responses=errors(
        *COLUMN_ERRORS,
        UnreadableFile,
        FileMissing,
        MalformedMapping,
        TooManyImports,
        PayloadTooLarge,
        UnsupportedMediaType,
    ),
)
async def post_import(
    *,
    request: Request,
    response: Response,
    caller: Merchandiser,
    currency: DefaultCurrency,
    imports: Imports,
    begin: Begin,
) -> Envelope[QueuedImport]:
    """Imports in the background: follow the task. Rows are imported one by one, and errors are reported by line and
    column. An import can be repeated safely."""
    async with _upload(request, currency) as upload:
        mapping = await asyncio.to_thread(_mapping_of_head, upload)
        async with begin() as tx:
            import_id = await queue_import(
                tx,
                caller.user_id,
                upload.options,
                mapping,
                _chunks(upload.file),
                file_name=upload.name,
                size=upload.file.seek(0, SEEK_END),
                max_unfinished=imports.max_unfinished,
            )
            row = await find_import(tx, import_id)
            tx.after_commit(imports.job.wake)
    assert row is not None  # noqa: S101 (inserted above)
    response.headers["Location"] = f"{PATH}/{import_id}"
    return accepted(QueuedImport(task=ImportTask.of(row)), "Import queued")


def _mapping_of_head(upload: _Upload) -> dict[str, str]:
    """The mapping as the beginning of the file shows it, so that most errors are told at once."""
    with open_file(upload.file, upload.options.encoding) as opened:
        return mapping_of(survey(opened, HEAD_ROWS).columns, upload.options.mapping)


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    file.seek(0)
    while content := await asyncio.to_thread(file.read, CHUNK_BYTES):
        yield content


@asynccontextmanager
async def _upload(request: Request, currency: str) -> AsyncIterator[_Upload]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        async with request.form(max_files=1) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise FileMissing
            options = _options(validated(ImportForm, _form_values(dict(form))), currency)
            yield _Upload(file.file, _name(file.filename), options)
    elif kind == "application/json":
        body = await request.body()
        yield _Upload(BytesIO(body), None, _options(await asyncio.to_thread(_rows, body), currency))
    else:
        raise UnsupportedMediaType("Send multipart/form-data with a file, or application/json with rows")


def _options(body: ImportForm | ImportRequest, currency: str) -> ImportOptions:
    return ImportOptions(
        currency=body.currency or currency,
        mapping=body.mapping,
        stock=body.stock,
        decimal=body.decimal,
        encoding=body.encoding if isinstance(body, ImportForm) else None,
        lines=body.lines if isinstance(body, ImportRequest) else None,
    )


def _form_values(form: dict[str, Any]) -> dict[str, Any]:
    """The fields beside the file; an empty one counts as left out."""
    values = {name: value for name, value in form.items() if name != "file" and value != ""}
    if "mapping" in values:
        try:
            values["mapping"] = json.loads(values["mapping"])
        except (ValueError, TypeError, RecursionError) as error:
            raise MalformedMapping from error
    return values


def _rows(body: bytes) -> ImportRequest:
    """The body is read as a file is, so that the numbers of its rows are exact."""
    if len(body) > MAX_JSON_BYTES:
        raise PayloadTooLarge("Rows have at most 10 MiB: send a file")
    try:
        document = DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise MalformedJson from error
    if isinstance(document, RepeatedKeys):
        raise MalformedJson(f"The key {shown(document.repeated)} appears twice")
    request = validated(ImportRequest, document)
    if request.lines is not None and len(request.lines) != len(request.rows):
        raise Invalid("There must be one line number per row", field="lines")
    return request


def _name(file_name: str | None) -> str | None:
    """The name of the file for the list of imports, without what cannot be shown."""
    if not file_name:
        return None
    base = file_name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in base if character.isprintable())[:MAX_NAME_CHARACTERS] or None
