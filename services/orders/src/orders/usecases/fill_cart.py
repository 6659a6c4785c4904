"""Putting things into a cart."""

from collections.abc import Sequence
from uuid import UUID

from common.errors import Invalid
from common.ids import new_id
from common.persistence.transaction import Transaction
from orders.domain.lines import MAX_LINES, MAX_QUANTITY, Wanted, price, too_many
from orders.usecases.learn_prices import known_prices

# A cart has no row of its own to lock; its limits hold for all its items together.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('cart:' || $1::text, 0))"

HELD = "SELECT product_id, quantity FROM cart_item WHERE user_id = $1"

PUT = """
INSERT INTO cart_item (id, user_id, product_id, quantity)
SELECT n.id, $1, n.product_id, n.quantity FROM unnest($2::uuid[], $3::uuid[], $4::int[]) AS n(id, product_id, quantity)
ON CONFLICT ON CONSTRAINT cart_item_once DO UPDATE SET quantity = EXCLUDED.quantity
"""


async def add_to_cart(tx: Transaction, user_id: UUID, product_id: UUID, quantity: int) -> None:
    """Add to what the cart holds of the product. Invalid names what forbids it."""
    wanted = Wanted(product_id, quantity)
    price([wanted], await known_prices(tx, [product_id]))
    held = await _lock(tx, user_id)
    if product_id not in held and len(held) >= MAX_LINES:
        raise Invalid(f"A cart holds at most {MAX_LINES} products", code="orders.cart_full", field="product_id")
    if held.get(product_id, 0) + quantity > MAX_QUANTITY:
        raise too_many(wanted)
    await _put(tx, user_id, {product_id: held.get(product_id, 0) + quantity})


async def merge_into_cart(tx: Transaction, user_id: UUID, items: Sequence[tuple[UUID, int]]) -> None:
    """Add what a guest had collected, as much of it as fits and is for sale; a sign-in must not fail on a cart."""
    prices = await known_prices(tx, [product_id for product_id, _ in items])
    held = await _lock(tx, user_id)
    merged = dict(held)
    for product_id, quantity in items:
        known = prices.get(product_id)
        fits = product_id in merged or len(merged) < MAX_LINES
        if known is not None and known.is_active and fits:
            merged[product_id] = min(MAX_QUANTITY, merged.get(product_id, 0) + quantity)
    await _put(tx, user_id, {product_id: n for product_id, n in merged.items() if held.get(product_id) != n})


async def _lock(tx: Transaction, user_id: UUID) -> dict[UUID, int]:
    """What the cart holds; nobody else adds to it until the transaction ends."""
    await tx.sql.execute(LOCK, str(user_id))
    return {row["product_id"]: row["quantity"] for row in await tx.sql.fetch(HELD, user_id)}


async def _put(tx: Transaction, user_id: UUID, quantities: dict[UUID, int]) -> None:
    ids = [new_id() for _ in quantities]
    await tx.sql.execute(PUT, user_id, ids, list(quantities), list(quantities.values()))
