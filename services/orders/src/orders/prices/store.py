"""The SQL of the price replica."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from common.money import Money
from common.persistence.rows import columns
from common.persistence.transaction import Transaction
from orders.prices.domain import Price

SAVE = """
INSERT INTO product_price (product_id, title, amount, currency, is_active, sequence, list_amount, category_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::bigint[], $7::bigint[],
                     $8::uuid[])
ON CONFLICT (product_id) DO UPDATE SET title = coalesce(nullif(EXCLUDED.title, ''), product_price.title),
    amount = EXCLUDED.amount, currency = EXCLUDED.currency, is_active = EXCLUDED.is_active,
    sequence = EXCLUDED.sequence, list_amount = EXCLUDED.list_amount, category_id = EXCLUDED.category_id
WHERE product_price.sequence < EXCLUDED.sequence
"""

FIND = """
SELECT product_id, title, amount, currency, is_active, list_amount, category_id, coalesce(on_sale, true) AS on_sale
FROM product_price LEFT JOIN category_sale USING (category_id) WHERE product_id = ANY($1::uuid[])
"""

SAVE_CATEGORIES = """
INSERT INTO category_sale (category_id, on_sale, sequence)
SELECT * FROM unnest($1::uuid[], $2::boolean[], $3::bigint[])
ON CONFLICT (category_id) DO UPDATE SET on_sale = EXCLUDED.on_sale, sequence = EXCLUDED.sequence
WHERE category_sale.sequence < EXCLUDED.sequence
"""


async def save_prices(tx: Transaction, prices: Iterable[tuple[int, Price]]) -> None:
    """Save each price with its sequence, unless the replica has one with the same or a higher sequence."""
    # In key order, so that two writers of the same products cannot deadlock.
    ordered = sorted(prices, key=lambda numbered: numbered[1].product_id)
    await tx.sql.execute(SAVE, *columns(_row(sequence, price) for sequence, price in ordered))


async def save_categories(tx: Transaction, categories: Iterable[tuple[UUID, bool, int]]) -> None:
    """Save category, whether it is on sale, and sequence, as `save_prices` does."""
    await tx.sql.execute(SAVE_CATEGORIES, *columns(sorted(categories)))


async def find_prices(tx: Transaction, product_ids: Sequence[UUID]) -> dict[UUID, Price]:
    return {row["product_id"]: _from_row(row) for row in await tx.sql.fetch(FIND, product_ids)}


def _row(sequence: int, price: Price) -> tuple[object, ...]:
    money = price.unit_price
    amount, currency = (money.amount, money.currency) if money else (None, None)
    list_amount = price.list_price.amount if price.list_price else None
    return price.product_id, price.title, amount, currency, price.is_active, sequence, list_amount, price.category_id


def _from_row(row: asyncpg.Record) -> Price:
    money = None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])
    list_amount = row["list_amount"]
    list_price = None if list_amount is None else Money(amount=list_amount, currency=row["currency"])
    return Price(
        row["product_id"],
        row["title"],
        money,
        row["is_active"],
        list_price,
        row["category_id"],
        category_on_sale=row["on_sale"],
    )
