"""The SQL of the price replica."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from common.money import Money
from common.persistence.rows import columns
from common.persistence.transaction import Transaction
from orders.prices.domain import Price

SAVE = """
INSERT INTO product_price (product_id, title, amount, currency, is_active, sequence)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::bigint[])
ON CONFLICT (product_id) DO UPDATE SET title = coalesce(nullif(EXCLUDED.title, ''), product_price.title),
    amount = EXCLUDED.amount, currency = EXCLUDED.currency, is_active = EXCLUDED.is_active,
    sequence = EXCLUDED.sequence
WHERE product_price.sequence < EXCLUDED.sequence
"""

FIND = "SELECT product_id, title, amount, currency, is_active FROM product_price WHERE product_id = ANY($1::uuid[])"


async def save_prices(tx: Transaction, prices: Iterable[tuple[int, Price]]) -> None:
    """Save each price with its sequence, unless the replica has one with the same or a higher sequence."""
    # In key order, so that two writers of the same products cannot deadlock.
    ordered = sorted(prices, key=lambda numbered: numbered[1].product_id)
    await tx.sql.execute(SAVE, *columns(_row(sequence, price) for sequence, price in ordered))


async def find_prices(tx: Transaction, product_ids: Sequence[UUID]) -> dict[UUID, Price]:
    return {row["product_id"]: _from_row(row) for row in await tx.sql.fetch(FIND, product_ids)}


def _row(sequence: int, price: Price) -> tuple[object, ...]:
    money = price.unit_price
    amount, currency = (money.amount, money.currency) if money else (None, None)
    return price.product_id, price.title, amount, currency, price.is_active, sequence


def _from_row(row: asyncpg.Record) -> Price:
    money = None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])
    return Price(row["product_id"], row["title"], money, row["is_active"])
