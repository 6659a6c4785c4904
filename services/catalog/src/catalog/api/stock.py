"""/products/{id}/stock: what can be sold, and corrections by staff."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.api import refused
from catalog.api.reading import Read
from catalog.queries.stock import find_stock, list_ledger
from catalog.usecases.adjust_stock import adjust_stock
from common.errors import Invalid, NotFound
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, ok
from common.web.fields import WHOLE
from common.web.pagination import Cursor, cursor_meta

router = APIRouter(prefix="/products/{product_id}/stock", tags=["stock"])

StockKeeper = Annotated[Identity, may("stock.manage")]

LARGEST_ADJUSTMENT = 1_000_000


class StockView(BaseModel):
    """`available` counts what can still be sold, `reserved` what orders under way have set aside."""

    product_id: UUID
    available: int
    reserved: int

    @classmethod
    async def of(cls, sql: asyncpg.Connection, product_id: UUID) -> Self:
        stock = await find_stock(sql, product_id)
        if stock is None:
            raise NotFound("There is no such product")
        return cls(**stock._asdict())


class LedgerEntry(BaseModel):
    """`delta` is the change of what is available; `actor` adjusted by hand, `order_id` reserved or gave back."""

    id: int
    at: datetime
    delta: int
    kind: Literal["reserved", "released", "returned", "adjusted"]
    reason: Annotated[str | None, Field(examples=["received"])]
    note: Annotated[str | None, Field(examples=["Delivery of Monday"])]
    actor: UUID | None
    order_id: UUID | None


class Adjustment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    delta: Annotated[int, Field(ge=-LARGEST_ADJUSTMENT, le=LARGEST_ADJUSTMENT), WHOLE]
    reason: Literal["received", "correction", "damaged", "returned"]
    note: Annotated[str | None, Field(max_length=500)] = None


@router.get("", summary="Stock of a product")
async def get_stock(product_id: UUID, read: Read, response: Response) -> Envelope[StockView]:
    response.headers["Cache-Control"] = "no-cache"
    async with read() as sql:
        return ok(await StockView.of(sql, product_id))


@router.post("", summary="Adjust the stock", responses=refused.ADJUSTING)
async def post_stock(product_id: UUID, body: Adjustment, caller: StockKeeper, begin: Begin) -> Envelope[StockView]:
    """409 names what is available when the adjustment asks for more."""
    async with begin() as tx:
        view = await StockView.of(tx.sql, product_id)
        if body.delta:
            await adjust_stock(tx, product_id, body.delta, reason=body.reason, note=body.note, actor=caller.user_id)
            view = await StockView.of(tx.sql, product_id)
    return ok(view, "Stock adjusted")


@router.get("/ledger", summary="What changed the stock")
async def get_ledger(product_id: UUID, _: StockKeeper, cursor: Cursor, read: Read) -> Envelope[list[LedgerEntry]]:
    """Everything that changed what is available, newest first."""
    if cursor.cursor is not None and not cursor.cursor.isdecimal():
        raise Invalid("This is no cursor of the ledger", field="cursor")
    before = int(cursor.cursor) if cursor.cursor else None
    async with read() as sql:
        rows = await list_ledger(sql, product_id, before, cursor.limit + 1)
    entries = [LedgerEntry(**row) for row in rows[: cursor.limit]]
    return ok(entries, meta=cursor_meta(entries[-1].id if len(rows) > cursor.limit else None))
