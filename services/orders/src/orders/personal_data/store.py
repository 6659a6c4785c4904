"""The SQL of personal data, across the tables of all features."""

from collections.abc import Sequence
from uuid import UUID

from common.persistence.transaction import Transaction

ORDERS = """
SELECT id, number, status, status_reason, currency, subtotal, total, lines, address, note, provider, payment_id,
       payment_status, created_at, updated_at,
       (SELECT coalesce(json_agg(json_build_object('at', at, 'status', status, 'event', event, 'detail', detail)
                                 ORDER BY step.id), '[]')
        FROM order_step AS step WHERE order_id = orders.id) AS timeline
FROM orders WHERE user_id = $1 ORDER BY id DESC
"""
ADDRESSES = """
SELECT id, name, line1, line2, city, region, postal_code, country, phone, is_default
FROM address WHERE user_id = $1 ORDER BY id DESC
"""
CART = "SELECT product_id, quantity FROM cart_item WHERE user_id = $1 ORDER BY id DESC"

EXPORT_QUERIES = {"addresses": ADDRESSES, "cart": CART, "orders": ORDERS}

# An order whose payment is not finished keeps its means of payment; accounts are closed long before they are erased.
ANONYMISE_ORDERS = """
UPDATE orders SET address = NULL, note = NULL,
    payment_method = CASE WHEN deadline IS NULL THEN NULL ELSE payment_method END,
    payment_action = CASE WHEN deadline IS NULL THEN NULL ELSE payment_action END
WHERE id IN (SELECT id FROM orders WHERE user_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
"""
# The details contain free text: the reason of a refund, a bank's message about a card.
ANONYMISE_TIMELINES = """
UPDATE order_step SET detail = '' FROM orders
WHERE order_id = orders.id AND user_id = ANY($1::uuid[]) AND detail <> ''
"""


ERASE_STATEMENTS = (
    "DELETE FROM cart_item WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM address WHERE user_id = ANY($1::uuid[])",
    "DELETE FROM idempotency WHERE user_id = ANY($1::uuid[])",
    ANONYMISE_ORDERS,
    ANONYMISE_TIMELINES,
)


async def erase_people(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    """Delete addresses and carts. Orders stay for the accounts: what was bought, when and for how much."""
    for statement in ERASE_STATEMENTS:
        await tx.sql.execute(statement, user_ids)
