"""POST /auth/pre-register, and the list for administrators, as pages or as CSV."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from auth.api import refused
from auth.api.context import Identifying, RequestingClient
from auth.api.fields import Email, Name
from auth.queries.pre_registrations import list_pre_registrations, pre_registrations_after
from auth.usecases.pre_register import pre_register
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, accepted, ok
from common.web.pagination import Page, page_meta

router = APIRouter()

Reader = Annotated[Identity, may("pre_registrations.read")]

COLUMNS = ("email", "first_name", "last_name", "created_at")
EXPORTED = "email,first_name,last_name,created_at\r\nneema@example.com,Neema,Mushi,2026-02-02T08:30:00+00:00\r\n"
FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for the beginning of a formula."""


class PreRegistration(BaseModel):
    email: Email
    first_name: Name = ""
    last_name: Name = ""


class PreRegistrationView(PreRegistration):
    id: UUID
    created_at: datetime


@router.post("/auth/pre-register", status_code=202, summary="Ask to be told of the opening", responses=refused.ASKING)
async def post_pre_register(
    body: PreRegistration, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[None]:
    async with begin() as tx:
        refusal = await pre_register(
            tx, body.email, body.first_name, body.last_name, client=client, per_address=identification.per_address
        )
    if refusal:
        raise refusal
    return accepted(None, "You will hear of the opening")


@router.get(
    "/auth/pre-register",
    response_model=Envelope[list[PreRegistrationView]],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}, "example": EXPORTED}}}},
    summary="Who wants to be told of the opening",
)
async def get_pre_registrations(
    request: Request, _: Reader, begin: Begin, page: Page, accept: Annotated[str, Header(include_in_schema=False)] = ""
) -> Response | Envelope[list[PreRegistrationView]]:
    """Newest first; with `Accept: text/csv` all of them, oldest first."""
    if "text/csv" in accept:
        headers = {"Content-Disposition": 'attachment; filename="pre-registrations.csv"'}
        return StreamingResponse(_export(begin), media_type="text/csv; charset=utf-8", headers=headers)
    async with begin() as tx:
        rows, total = await list_pre_registrations(tx, page.offset, page.limit)
    views = [PreRegistrationView.model_validate(dict(row)) for row in rows]
    return ok(views, meta=page_meta(request, page, total))


async def _export(begin: Begin) -> AsyncIterator[str]:
    """In pieces of one transaction each, so that a slow reader holds none open."""
    yield _lines([COLUMNS])
    after: UUID | None = None
    while True:
        async with begin() as tx:
            rows = await pre_registrations_after(tx, after)
        if not rows:
            return
        yield _lines([_cells(row) for row in rows])
        after = rows[-1]["id"]


def _cells(row: asyncpg.Record) -> list[str]:
    return [_harmless(row[name].isoformat() if name == "created_at" else row[name]) for name in COLUMNS]


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULAS) else text


def _lines(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue()
