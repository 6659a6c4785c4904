"""Placing orders: prices freeze, sagas begin. The hot path: however many checkouts come together, three statements
and the outbox."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import TypeAdapter

from common import clock
from common.context import Origin, use_origin
from common.contracts.orders import OrderLine, OrderPlaced
from common.errors import DukanError, Invalid
from common.ids import new_id
from common.persistence.transaction import Transaction
from orders.domain.lines import Price, Wanted, merge, price, total_of
from orders.domain.order import Deadlines
from orders.domain.saga import Status
from orders.tables import OrderRow
from orders.usecases.learn_prices import known_prices

# In key order, so that two groups with carts in common cannot deadlock.
TAKE_CARTS = """
DELETE FROM cart_item WHERE id IN (SELECT id FROM cart_item WHERE user_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
RETURNING id, user_id, product_id, quantity
"""

# The address is copied here, so that a later change of it does not move a parcel.
INSERT = """
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::bigint[], $5::jsonb[], $6::uuid[], $7::text[],
                         $8::text[], $9::text[], $10::text[])
        AS w(id, user_id, currency, total, lines, address_id, note, provider, payment_method, correlation_id)
), placed AS (
    INSERT INTO orders (id, number, user_id, status, currency, subtotal, total, lines, address, note, provider,
                        payment_method, payment_status, deadline, correlation_id, created_at, updated_at)
    SELECT id, next_order_number($11), user_id, 'pending', currency, total, total, lines,
           (SELECT to_jsonb(a) - 'user_id' - 'is_default' FROM address a
            WHERE a.user_id = w.user_id
              AND CASE WHEN w.address_id IS NULL THEN a.is_default ELSE a.id = w.address_id END),
           note, provider, payment_method, 'pending', $12, correlation_id, $11, $11
    FROM wanted w ORDER BY id
    RETURNING id, number, user_id, address, correlation_id
), noted AS (
    INSERT INTO order_step (order_id, at, status, event, cause, actor)
    SELECT id, $11, 'pending', $13, correlation_id, 'customer:' || user_id FROM placed
)
SELECT id, number, address FROM placed
"""

_lines = TypeAdapter(tuple[OrderLine, ...])


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a customer sends. `items` None means the cart; without an address the default one is taken, if any.

    `origin` is the request that it came with.
    """

    user_id: UUID
    items: Sequence[tuple[UUID, int]] | None
    address_id: UUID | None
    provider: str
    payment_method: str | None
    note: str | None
    origin: Origin | None = None


@dataclass(frozen=True, slots=True)
class _Draft:
    """An order before it is written."""

    row: OrderRow
    lines: tuple[OrderLine, ...]
    checkout: Checkout


async def place_orders(
    tx: Transaction, checkouts: Sequence[Checkout], deadlines: Deadlines
) -> list[OrderRow | DukanError]:
    """For each checkout its order, pending, or why there is none: then the whole transaction must be undone.

    Invalid names the item that cannot be sold; UnknownProducts those worth asking for.
    """
    wanted = await _wanted(tx, checkouts)
    every = {want.product_id for wants in wanted if not isinstance(wants, DukanError) for want in wants}
    prices = await known_prices(tx, list(every))
    now = clock.now()
    drafts = [_draft(*pair, prices, deadlines, now) for pair in zip(checkouts, wanted, strict=True)]
    await _insert(tx, [draft for draft in drafts if isinstance(draft, _Draft)])
    return [_placed(tx, draft) if isinstance(draft, _Draft) else draft for draft in drafts]


async def _wanted(tx: Transaction, checkouts: Sequence[Checkout]) -> list[list[Wanted] | DukanError]:
    carts = await _take_carts(tx, [checkout.user_id for checkout in checkouts if checkout.items is None])
    # What a cart held goes to the first who asks for it.
    return [_merge(carts.pop(c.user_id, []) if c.items is None else c.items) for c in checkouts]


def _merge(items: Sequence[tuple[UUID, int]]) -> list[Wanted] | DukanError:
    try:
        return merge(items)
    except DukanError as refusal:
        return refusal


async def _take_carts(tx: Transaction, user_ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, int]]]:
    """What the carts held, oldest first. They are empty from now on, unless the transaction fails."""
    carts: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    rows = await tx.sql.fetch(TAKE_CARTS, user_ids) if user_ids else []
    for row in sorted(rows, key=lambda row: row["id"]):
        carts[row["user_id"]].append((row["product_id"], row["quantity"]))
    return carts


def _draft(
    checkout: Checkout,
    wanted: list[Wanted] | DukanError,
    prices: Mapping[UUID, Price],
    deadlines: Deadlines,
    now: datetime,
) -> _Draft | DukanError:
    if isinstance(wanted, DukanError):
        return wanted
    try:
        lines = price(wanted, prices)
    except DukanError as refusal:
        return refusal
    return _Draft(_pending(checkout, lines, deadlines, now), lines, checkout)


def _pending(checkout: Checkout, lines: tuple[OrderLine, ...], deadlines: Deadlines, now: datetime) -> OrderRow:
    order_id, total = new_id(), total_of(lines)
    return OrderRow(
        id=order_id,
        number="",
        user_id=checkout.user_id,
        status=Status.PENDING,
        currency=total.currency,
        subtotal=total.amount,
        total=total.amount,
        lines=_lines.dump_python(lines, mode="json"),
        note=checkout.note,
        provider=checkout.provider,
        payment_method=checkout.payment_method,
        deadline=deadlines.of(Status.PENDING, now),
        correlation_id=checkout.origin.correlation_id if checkout.origin else str(order_id),
        created_at=now,
        updated_at=now,
    )


async def _insert(tx: Transaction, drafts: Sequence[_Draft]) -> None:
    """Write the orders, each with the first line of its timeline; completes their numbers and addresses."""
    if not drafts:
        return
    columns = [list(column) for column in zip(*(_columns(draft) for draft in drafts), strict=True)]
    first = drafts[0].row
    rows = await tx.sql.fetch(INSERT, *columns, first.created_at, first.deadline, OrderPlaced.type)
    written = {row["id"]: row for row in rows}
    for draft in drafts:
        draft.row.number = written[draft.row.id]["number"]
        draft.row.address = written[draft.row.id]["address"]


def _columns(draft: _Draft) -> tuple[object, ...]:
    order = draft.row
    return (
        order.id,
        order.user_id,
        order.currency,
        order.total,
        json.dumps(order.lines),
        draft.checkout.address_id,
        order.note,
        order.provider,
        order.payment_method,
        order.correlation_id,
    )


def _placed(tx: Transaction, draft: _Draft) -> OrderRow | DukanError:
    order, origin = draft.row, draft.checkout.origin
    if draft.checkout.address_id is not None and order.address is None:
        return Invalid("There is no such address", code="orders.unknown_address", field="address_id")
    with use_origin(origin) if origin else nullcontext():
        tx.publish(
            OrderPlaced(
                order_id=order.id,
                number=order.number,
                customer_id=order.user_id,
                lines=draft.lines,
                total=total_of(draft.lines),
                provider=order.provider,
            )
        )
    return order
