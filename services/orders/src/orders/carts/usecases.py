"""Filling carts, and taking them for a checkout."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from common.persistence.transaction import Transaction
from orders.carts import store
from orders.errors import CartFull
from orders.prices.domain import MAX_LINES, MAX_QUANTITY, RequestedItem, check_quantity, price_items
from orders.prices.usecases import known_prices


async def add_to_cart(tx: Transaction, user_id: UUID, product_id: UUID, quantity: int) -> None:
    """Add to the quantity in the cart. Raises CartFull, QuantityTooLarge, NotForSale or UnknownProducts."""
    price_items([RequestedItem(product_id, quantity)], await known_prices(tx, [product_id]))
    quantities = await store.lock_cart(tx, user_id)
    if product_id not in quantities and len(quantities) >= MAX_LINES:
        raise CartFull(f"A cart holds at most {MAX_LINES} products")
    total = RequestedItem(product_id, quantities.get(product_id, 0) + quantity)
    check_quantity(total)
    await store.save_quantities(tx, user_id, {product_id: total.quantity})


async def merge_into_cart(tx: Transaction, user_id: UUID, items: Sequence[tuple[UUID, int]]) -> None:
    """Add a guest's items, as far as they fit and are for sale: a cart must not make a sign-in fail."""
    prices = await known_prices(tx, [product_id for product_id, _ in items])
    before = await store.lock_cart(tx, user_id)
    merged = dict(before)
    for product_id, quantity in items:
        price = prices.get(product_id)
        fits = product_id in merged or len(merged) < MAX_LINES
        if price is not None and price.is_active and fits:
            merged[product_id] = min(MAX_QUANTITY, merged.get(product_id, 0) + quantity)
    changed = {product_id: quantity for product_id, quantity in merged.items() if before.get(product_id) != quantity}
    await store.save_quantities(tx, user_id, changed)


async def take_carts(tx: Transaction, user_ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, int]]]:
    """Product and quantity of the items in the carts; the carts are empty afterwards."""
    carts: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    for user_id, product_id, quantity in await store.delete_carts(tx, user_ids) if user_ids else []:
        carts[user_id].append((product_id, quantity))
    return carts
