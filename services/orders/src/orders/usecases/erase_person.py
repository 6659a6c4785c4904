"""Who was erased is in the books as a number only: what was bought, when and for how much stays."""

from collections.abc import Sequence
from uuid import UUID

from common.persistence.transaction import Transaction

# An order that is still being paid keeps how; accounts are closed long before they are erased.
BLANK_ORDERS = """
UPDATE orders SET address = NULL, note = NULL,
    payment_method = CASE WHEN deadline IS NULL THEN NULL ELSE payment_method END,
    payment_action = CASE WHEN deadline IS NULL THEN NULL ELSE payment_action END
WHERE id IN (SELECT id FROM orders WHERE user_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
"""
# People write into it: the reason of a refund, what a bank says about a card.
BLANK_STEPS = """
UPDATE order_step SET detail = '' FROM orders
WHERE order_id = orders.id AND user_id = ANY($1::uuid[]) AND detail <> ''
"""
FORGET = [
    f"DELETE FROM {table} WHERE user_id = ANY($1::uuid[])"  # noqa: S608 (the names are ours)
    for table in ("cart_item", "address", "idempotency")
]


async def erase_people(tx: Transaction, user_ids: Sequence[UUID]) -> None:
    for statement in (*FORGET, BLANK_ORDERS, BLANK_STEPS):
        await tx.sql.execute(statement, user_ids)
