"""The replica of catalog's prices: what an order may cost, without asking catalog."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg

from common.money import Money
from common.persistence.transaction import Transaction
from orders.domain.lines import Price

ASKED = 0
"""The sequence of what catalog was asked for: every event is newer."""

LEARN = """
INSERT INTO product_price (product_id, title, amount, currency, is_active, sequence)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::boolean[], $6::bigint[])
ON CONFLICT (product_id) DO UPDATE SET title = coalesce(nullif(EXCLUDED.title, ''), product_price.title),
    amount = EXCLUDED.amount, currency = EXCLUDED.currency, is_active = EXCLUDED.is_active,
    sequence = EXCLUDED.sequence
WHERE product_price.sequence < EXCLUDED.sequence
"""

KNOWN = "SELECT product_id, title, amount, currency, is_active FROM product_price WHERE product_id = ANY($1::uuid[])"


async def learn_prices(tx: Transaction, news: Iterable[tuple[int, Price]]) -> None:
    """Keep of each product what has the highest sequence, in the replica and in the news, whatever order they come in.

    A deleted product stays as a tombstone without a price, so that older news cannot bring it back.
    """
    newest: dict[UUID, tuple[int, Price]] = {}
    for sequence, price in news:
        if price.product_id not in newest or newest[price.product_id][0] < sequence:
            newest[price.product_id] = (sequence, price)
    if newest:
        # In key order, so that two writers of the same products cannot deadlock.
        rows = [_row(*newest[product_id]) for product_id in sorted(newest)]
        await tx.sql.execute(LEARN, *(list(column) for column in zip(*rows, strict=True)))


async def known_prices(tx: Transaction, product_ids: Sequence[UUID]) -> dict[UUID, Price]:
    return {row["product_id"]: _price(row) for row in await tx.sql.fetch(KNOWN, product_ids)}


def _row(sequence: int, price: Price) -> tuple[object, ...]:
    money = price.unit_price
    amount, currency = (money.amount, money.currency) if money else (None, None)
    return price.product_id, price.title, amount, currency, price.is_active, sequence


def _price(row: asyncpg.Record) -> Price:
    money = None if row["amount"] is None else Money(amount=row["amount"], currency=row["currency"])
    return Price(row["product_id"], row["title"], money, row["is_active"])
