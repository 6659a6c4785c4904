"""The SQL of carts."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from common.ids import new_id
from common.money import Money
from common.persistence.transaction import Transaction
from orders.carts.domain import Cart, CartLine
from orders.errors import CartItemNotFound

# A cart has no row of its own to lock, and its limits concern all its items together.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('cart:' || $1::text, 0))"

QUANTITIES = "SELECT product_id, quantity FROM cart_item WHERE user_id = $1"

SAVE = """
INSERT INTO cart_item (id, user_id, product_id, quantity)
SELECT n.id, $1, n.product_id, n.quantity FROM unnest($2::uuid[], $3::uuid[], $4::int[]) AS n(id, product_id, quantity)
ON CONFLICT ON CONSTRAINT cart_item_once DO UPDATE SET quantity = EXCLUDED.quantity
"""

FIND = """
SELECT i.id, i.product_id, coalesce(p.title, '') AS title, i.quantity, p.amount, p.currency,
       coalesce(p.is_active, false) AND coalesce(c.on_sale, true) AS on_sale, s.available
FROM cart_item i
LEFT JOIN product_price p USING (product_id)
LEFT JOIN category_sale c USING (category_id)
LEFT JOIN product_stock s USING (product_id)
WHERE i.user_id = $1 ORDER BY i.id
"""

PRODUCT_OF_ITEM = "SELECT product_id FROM cart_item WHERE id = $1 AND user_id = $2"
REMOVE_ITEM = "DELETE FROM cart_item WHERE id = $1 AND user_id = $2"
CLEAR = "DELETE FROM cart_item WHERE user_id = $1"

# In key order, so that two groups with carts in common cannot deadlock.
DELETE_CARTS = """
DELETE FROM cart_item WHERE id IN (SELECT id FROM cart_item WHERE user_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
RETURNING id, user_id, product_id, quantity
"""


async def find_cart(tx: Transaction, user_id: UUID, default_currency: str) -> Cart:
    """The customer's cart, the oldest item first."""
    lines = []
    for row in await tx.sql.fetch(FIND, user_id):
        price = None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])
        named = (row["id"], row["product_id"], row["title"], row["quantity"])
        lines.append(CartLine(*named, price, row["on_sale"], row["available"]))
    return Cart(lines, default_currency)


async def lock_cart(tx: Transaction, user_id: UUID) -> dict[UUID, int]:
    """The quantities in the cart by product; no other transaction adds to it until this one ends."""
    await tx.sql.execute(LOCK, str(user_id))
    return await find_quantities(tx, user_id)


async def find_quantities(tx: Transaction, user_id: UUID) -> dict[UUID, int]:
    """The quantities in the cart by product."""
    return {row["product_id"]: row["quantity"] for row in await tx.sql.fetch(QUANTITIES, user_id)}


async def save_quantities(tx: Transaction, user_id: UUID, quantities: Mapping[UUID, int]) -> None:
    if not quantities:
        return
    ids = [new_id() for _ in quantities]
    await tx.sql.execute(SAVE, user_id, ids, list(quantities), list(quantities.values()))


async def product_of_item(tx: Transaction, user_id: UUID, item_id: UUID) -> UUID:
    """Raises CartItemNotFound."""
    product_id: UUID | None = await tx.sql.fetchval(PRODUCT_OF_ITEM, item_id, user_id)
    if product_id is None:
        raise CartItemNotFound
    return product_id


async def remove_item(tx: Transaction, user_id: UUID, item_id: UUID) -> None:
    """Raises CartItemNotFound."""
    if (await tx.sql.execute(REMOVE_ITEM, item_id, user_id)).endswith(" 0"):
        raise CartItemNotFound


async def clear_cart(tx: Transaction, user_id: UUID) -> None:
    await tx.sql.execute(CLEAR, user_id)


async def delete_carts(tx: Transaction, user_ids: Sequence[UUID]) -> list[tuple[UUID, UUID, int]]:
    """Empty the carts; returns user, product and quantity of their items, the oldest first."""
    rows = await tx.sql.fetch(DELETE_CARTS, user_ids)
    return [(row["user_id"], row["product_id"], row["quantity"]) for row in sorted(rows, key=lambda row: row["id"])]
