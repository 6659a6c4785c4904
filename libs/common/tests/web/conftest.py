"""A small service with one route per feature of the web layer."""

import errno
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import pytest
from fastapi import APIRouter, HTTPException, Query, Request
from httpx import AsyncClient
from pydantic import BaseModel, Field

from common.errors import Conflict, DatabaseFull, DatabaseUnavailable, RateLimited
from common.persistence.database import Database
from common.security.tokens import Identity
from common.settings import ServiceSettings
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.days import Period
from common.web.dependencies import Begin, Caller, MaybeCaller, may
from common.web.envelope import Envelope, accepted, ok
from common.web.idempotency import Idempotency, replayed
from common.web.listing import ORDERING, SearchText, Sorting
from common.web.pagination import Cursor, Page, cursor_meta, page_meta
from common.web.preferences import Wait
from common.web.service import Service


class OrderRejected(Conflict):
    code = "orders.rejected"
    message = "No"


class Taken(Conflict):
    code = "orders.taken"
    message = "Taken"


class Line(BaseModel):
    quantity: int = Field(ge=1)


class Basket(BaseModel):
    items: list[Line]
    note: str = ""


class Receipt(BaseModel):
    id: UUID
    status: str


shop = APIRouter()
internal = APIRouter()
well_known = APIRouter()


@shop.get("/me")
async def get_me(caller: Caller) -> Envelope[dict[str, Any]]:
    return ok({"user_id": str(caller.user_id), "admin": caller.may("signing_keys.manage")})


SORTING = Sorting({"title": "title", "price": "amount"})


@shop.get("/periods")
async def get_periods(
    period: Period, ordering: Annotated[str, SORTING, ORDERING] = "title", search: SearchText = ""
) -> Envelope[dict[str, Any]]:
    """What the query means, without signing in."""
    return ok({"since": period.since, "until": period.until, "order": SORTING.order_by(ordering), "search": search})


@shop.get("/greeting")
async def get_greeting(caller: MaybeCaller) -> Envelope[str]:
    return ok("hello" if caller is None else f"hello {caller.user_id}")


@shop.put("/greeting")
async def put_greeting(caller: Caller) -> Envelope[bool]:
    return ok(caller.may("signing_keys.manage"))


@shop.get("/staff-room")
async def get_staff_room(caller: Annotated[Identity, may("stock.manage")]) -> Envelope[bool]:
    return ok(caller.may("stock.manage"))


@shop.get("/vault")
async def get_vault(caller: Annotated[Identity, may("signing_keys.manage")]) -> Envelope[bool]:
    return ok(caller.may("signing_keys.manage"))


@shop.post("/baskets")
async def post_basket(body: Basket, begin: Begin) -> Envelope[str]:
    async with begin() as tx:
        return ok(await tx.sql.fetchval("SELECT $1::text", body.note))


@shop.post("/orders", status_code=202, response_model=Envelope[Receipt])
async def post_order(body: Basket, caller: Caller, begin: Begin, idempotency: Idempotency) -> Any:
    async with begin() as tx:
        if (first_id := await idempotency.begin(tx, caller.user_id, body)) is not None:
            row = await tx.sql.fetchrow("SELECT id, status FROM made WHERE id = $1", first_id)
            return replayed(accepted(Receipt(**row)), status_code=202)
        if body.note == "refuse":
            raise OrderRejected
        answer = accepted(Receipt(**await tx.sql.fetchrow("INSERT INTO made DEFAULT VALUES RETURNING id, status")))
        await idempotency.store(tx, answer, status_code=202)
    return answer


@shop.get("/pages")
async def get_pages(request: Request, page: Page, label: str = "") -> Envelope[list[int]]:
    return ok(list(range(page.offset, page.offset + page.limit)), meta=page_meta(request, page, total=45))


@shop.get("/feed")
async def get_feed(cursor: Cursor) -> Envelope[str | None]:
    return ok(cursor.cursor, meta=cursor_meta(cursor.limit))


@shop.get("/wait")
async def get_wait(wait: Wait) -> Envelope[int]:
    return ok(wait)


@shop.get("/fail/{how}")
async def get_failure(how: str, depth: Annotated[int, Query(ge=1)] = 1) -> Envelope[int]:
    failures = {
        "conflict": Taken(field="items.0", detail={"left": 2}),
        "limited": RateLimited(1.2),
        "http": HTTPException(418, "A teapot"),
        "outage": DatabaseUnavailable("postgres.internal:5432"),
        "slow": TimeoutError(),
        "duplicate": asyncpg.UniqueViolationError("account_email_key"),
        "full database": DatabaseFull("could not extend file"),
        "full disk": OSError(errno.ENOSPC, "No space left on device", "/var/lib/dukan/media/1.webp"),
        "spent quota": OSError(errno.EDQUOT, "Disk quota exceeded"),
        "full disk of the reader": asyncpg.DiskFullError("could not write to temporary file"),
        "deadlock": asyncpg.DeadlockDetectedError("process 1 waits"),
        "crash": KeyError("SELECT password FROM account"),
    }
    if how in failures:
        raise failures[how]
    return ok(depth)


@internal.get("/internal/state")
async def get_state() -> Envelope[str]:
    return ok("inside")


@well_known.get("/.well-known/shop.json")
async def get_document() -> dict[str, str]:
    return {"shop": "open"}


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    database = await fresh_database("common")
    async with database.begin() as tx:
        await tx.sql.execute("CREATE TABLE made (id uuid DEFAULT gen_random_uuid(), status text DEFAULT 'new')")
    return database


@pytest.fixture
def service(database: Database) -> Service:
    settings = ServiceSettings(max_body_bytes=1000)
    limits = {"/baskets": 5000}
    return Service("shop", settings, database, routers=[shop, internal], root_routers=[well_known], body_limits=limits)


@pytest.fixture
async def client(client_for: ClientFor, service: Service) -> AsyncClient:
    # The routes of this service raise errors of every kind, and document none.
    return await client_for(service, checks_errors=False)
