"""/products/{id}/stock: stock levels, adjustments by staff and the ledger."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from catalog.dependencies import Read
from catalog.errors import EmptyAdjustment, InsufficientStock, ProductNotFound
from catalog.stock.store import StockCount, find_stock, list_ledger
from catalog.stock.usecases import adjust_stock
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.days import Period
from common.web.dependencies import Begin, MaybeCaller, may
from common.web.envelope import Envelope, ok
from common.web.fields import WHOLE, Count
from common.web.listing import SearchText
from common.web.pagination import Cursor, InvalidCursor, cursor_meta, position, row_number

router = APIRouter(prefix="/products/{product_id}/stock", tags=["stock"])

StockManager = Annotated[Identity, may("stock.manage")]

MAX_ADJUSTMENT = 1_000_000

Delta = Annotated[int, Field(examples=[10])]
NoteText = Annotated[str, Field(examples=["Delivery of Monday"])]


class StockView(BaseModel):
    """`available` units can be sold; `reserved` units belong to pending orders."""

    product_id: UUID
    available: Annotated[int, Field(examples=[12])]
    reserved: Count


class LedgerEntry(BaseModel):
    """`delta` is the change of the available units, made by the person `actor` or for the order `order_id`."""

    id: Annotated[int, Field(examples=[4711])]
    at: datetime
    delta: Delta
    kind: Literal["reserved", "released", "returned", "adjusted"]
    reason: Annotated[str | None, Field(examples=["received"])]
    note: NoteText | None
    actor: UUID | None
    order_id: UUID | None


class Adjustment(BaseModel):
    model_config = ConfigDict(extra="forbid")

    delta: Annotated[Delta, Field(ge=-MAX_ADJUSTMENT, le=MAX_ADJUSTMENT), WHOLE]
    reason: Literal["received", "correction", "damaged", "returned"]
    note: Annotated[NoteText | None, Field(max_length=500)] = None


@router.get("", summary="Stock of a product")
async def get_stock(product_id: UUID, caller: MaybeCaller, read: Read, response: Response) -> Envelope[StockView]:
    """Only staff see the stock of a product that is not on sale."""
    response.headers["Cache-Control"] = "no-cache"
    async with read() as sql:
        stock = await _find(sql, product_id)
    if not (stock.on_sale or (caller is not None and caller.may("stock.manage"))):
        raise ProductNotFound
    return ok(_view(stock))


@router.post("", summary="Adjust the stock", responses=errors(EmptyAdjustment, InsufficientStock))
async def post_stock(product_id: UUID, body: Adjustment, caller: StockManager, begin: Begin) -> Envelope[StockView]:
    """409, with the available units, if the adjustment takes more than that."""
    if body.delta == 0:
        raise EmptyAdjustment
    async with begin() as tx:
        await _find(tx.sql, product_id)
        await adjust_stock(tx, product_id, body.delta, reason=body.reason, note=body.note, actor=caller.user_id)
        stock = await _find(tx.sql, product_id)
    return ok(_view(stock), "Stock adjusted")


@router.get("/ledger", summary="What changed the stock", responses=errors(InvalidCursor))
async def get_ledger(
    *,
    product_id: UUID,
    _: StockManager,
    cursor: Cursor,
    read: Read,
    period: Period,
    search: Annotated[
        SearchText | None, Query(description="part of the kind, the reason or the note", examples=["damaged"])
    ] = None,
) -> Envelope[list[LedgerEntry]]:
    """Every change of the available units, newest first."""
    before = position(cursor, row_number)
    async with read() as sql:
        rows = await list_ledger(sql, product_id, before, cursor.limit + 1, period=period, search=search or None)
    entries = [LedgerEntry(**row) for row in rows[: cursor.limit]]
    return ok(entries, meta=cursor_meta(entries[-1].id if len(rows) > cursor.limit else None))


async def _find(sql: asyncpg.Connection, product_id: UUID) -> StockCount:
    stock = await find_stock(sql, product_id)
    if stock is None:
        raise ProductNotFound
    return stock


def _view(stock: StockCount) -> StockView:
    return StockView(product_id=stock.product_id, available=stock.available, reserved=stock.reserved)
