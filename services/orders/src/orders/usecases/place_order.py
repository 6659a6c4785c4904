"""Placing an order: prices freeze, the saga begins. The hot path: two or three statements and the outbox."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import TypeAdapter

from common import clock
from common.context import current
from common.contracts.orders import OrderLine, OrderPlaced
from common.errors import Invalid
from common.ids import new_id
from common.persistence.transaction import Transaction
from orders.domain.lines import merge, price, total_of
from orders.domain.order import Deadlines
from orders.domain.saga import Status
from orders.tables import OrderRow
from orders.usecases.learn_prices import known_prices

TAKE_CART = "DELETE FROM cart_item WHERE user_id = $1 RETURNING id, product_id, quantity"

# The address is copied here, so that a later change of it does not move a parcel.
INSERT = """
WITH placed AS (
    INSERT INTO orders (id, number, user_id, status, currency, subtotal, total, lines, address, note, provider,
                        payment_method, payment_status, deadline, correlation_id, created_at, updated_at)
    VALUES ($1, next_order_number($2), $3, 'pending', $4, $5, $5, $6,
            (SELECT to_jsonb(a) - 'user_id' - 'is_default' FROM address a
             WHERE a.user_id = $3 AND CASE WHEN $7::uuid IS NULL THEN a.is_default ELSE a.id = $7 END),
            $8, $9, $10, 'pending', $11, $12, $2, $2)
    RETURNING id, number, address
), noted AS (
    INSERT INTO order_step (order_id, at, status, event, cause, actor)
    SELECT id, $2, 'pending', $13, $12, $14 FROM placed
)
SELECT number, address FROM placed
"""

_lines = TypeAdapter(tuple[OrderLine, ...])


@dataclass(frozen=True, slots=True)
class Checkout:
    """What a customer sends. `items` None means the cart; without an address the default one is taken, if any."""

    user_id: UUID
    items: Sequence[tuple[UUID, int]] | None
    address_id: UUID | None
    provider: str
    payment_method: str | None
    note: str | None


async def place_order(tx: Transaction, checkout: Checkout, deadlines: Deadlines) -> OrderRow:
    """The order, pending. Invalid names the item that cannot be sold; UnknownProducts those worth asking for."""
    items = checkout.items if checkout.items is not None else await _take_cart(tx, checkout.user_id)
    wanted = merge(items)
    lines = price(wanted, await known_prices(tx, [want.product_id for want in wanted]))
    order = _pending(checkout, lines, deadlines)
    await _insert(tx, order, checkout.address_id)
    tx.publish(_placed(order, lines))
    return order


async def _take_cart(tx: Transaction, user_id: UUID) -> list[tuple[UUID, int]]:
    """What the cart held, oldest first. It is empty from now on, unless the transaction fails."""
    rows = await tx.sql.fetch(TAKE_CART, user_id)
    return [(row["product_id"], row["quantity"]) for row in sorted(rows, key=lambda row: row["id"])]


def _pending(checkout: Checkout, lines: tuple[OrderLine, ...], deadlines: Deadlines) -> OrderRow:
    now, origin, order_id = clock.now(), current(), new_id()
    total = total_of(lines)
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
        correlation_id=origin.correlation_id if origin else str(order_id),
        created_at=now,
        updated_at=now,
    )


async def _insert(tx: Transaction, order: OrderRow, address_id: UUID | None) -> None:
    """Write the order with the first line of its timeline; completes its number and address."""
    row = await tx.sql.fetchrow(
        INSERT,
        order.id,
        order.created_at,
        order.user_id,
        order.currency,
        order.total,
        json.dumps(order.lines),
        address_id,
        order.note,
        order.provider,
        order.payment_method,
        order.deadline,
        order.correlation_id,
        OrderPlaced.type,
        f"customer:{order.user_id}",
    )
    if address_id is not None and row["address"] is None:
        raise Invalid("There is no such address", code="orders.unknown_address", field="address_id")
    order.number = row["number"]
    order.address = row["address"]


def _placed(order: OrderRow, lines: tuple[OrderLine, ...]) -> OrderPlaced:
    return OrderPlaced(
        order_id=order.id,
        number=order.number,
        customer_id=order.user_id,
        lines=lines,
        total=total_of(lines),
        provider=order.provider,
    )
