"""/auth/pre-register: addresses to notify when the shop opens, and their list for staff as pages or as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from auth.dependencies import RequestingClient, Services
from auth.errors import TooManyAttempts
from auth.fields import Email, FirstName, LastName
from auth.pre_registration.store import SORTING, list_pre_registrations, list_pre_registrations_after
from auth.pre_registration.usecases import pre_register
from common.openapi.errors import errors
from common.people.emails import search_spelling
from common.security.tokens import Identity
from common.web import fields
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, accepted, ok
from common.web.listing import ORDERING, SearchText
from common.web.pagination import Page, page_meta

router = APIRouter()

Reader = Annotated[Identity, may("pre_registrations.read")]

COLUMNS = ("email", "first_name", "last_name", "created_at")
CSV_EXAMPLE = "email,first_name,last_name,created_at\r\nneema@example.com,Neema,Mushi,2026-02-02T08:30:00+00:00\r\n"
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""Characters that a spreadsheet reads as the start of a formula."""


class PreRegistration(BaseModel):
    email: Email
    first_name: FirstName = ""
    last_name: LastName = ""


class PreRegistrationView(BaseModel):
    id: UUID
    email: fields.EmailAddress
    first_name: fields.FirstName
    last_name: fields.LastName
    created_at: datetime


@router.post(
    "/auth/pre-register",
    status_code=202,
    summary="Ask to be notified of the opening",
    responses=errors(TooManyAttempts),
)
async def post_pre_register(
    body: PreRegistration, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[None]:
    async with begin() as tx:
        await pre_register(
            tx, body.email, body.first_name, body.last_name, client=client, per_address=services.per_address
        )
    return accepted(None, "We will notify you of the opening")


@router.get(
    "/auth/pre-register",
    response_model=Envelope[list[PreRegistrationView]],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": CSV_EXAMPLE}}}},
    summary="Who asked to be notified of the opening",
)
async def get_pre_registrations(
    *,
    request: Request,
    _: Reader,
    begin: Begin,
    page: Page,
    search: Annotated[
        SearchText | None, Query(description="part of the e-mail address or the name", examples=["neema"])
    ] = None,
    ordering: Annotated[str, SORTING, ORDERING] = "-created_at",
    accept: Annotated[str, Header(include_in_schema=False)] = "",
) -> Response | Envelope[list[PreRegistrationView]]:
    """With `Accept: text/csv` all of them, oldest first."""
    if "text/csv" in accept:
        headers = {"Content-Disposition": 'attachment; filename="pre-registrations.csv"'}
        return StreamingResponse(_csv_lines(begin), media_type="text/csv; charset=utf-8", headers=headers)
    async with begin() as tx:
        rows, total = await list_pre_registrations(tx, search_spelling(search), ordering, page)
    views = [PreRegistrationView.model_validate(dict(row)) for row in rows]
    return ok(views, meta=page_meta(request, page, total))


async def _csv_lines(begin: Begin) -> AsyncIterator[str]:
    """Each chunk has a transaction of its own, so that a slow client does not keep one open."""
    yield _lines([COLUMNS])
    after: UUID | None = None
    while True:
        async with begin() as tx:
            rows = await list_pre_registrations_after(tx, after)
        if not rows:
            return
        yield _lines([_cells(row) for row in rows])
        after = rows[-1]["id"]


def _cells(row: asyncpg.Record) -> list[str]:
    return [_without_formula(row[name].isoformat() if name == "created_at" else row[name]) for name in COLUMNS]


def _without_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _lines(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
