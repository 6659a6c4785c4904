"""Keeping the stock levels current and reading them.

Catalog's events carry the level after the change. They are published while catalog holds the lock on the product's
stock, so that of two levels the one with the higher sequence is the newer.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from common.persistence.transaction import Transaction
from orders.stock import store

FETCHED = 0
"""The sequence of a level that catalog was asked for: every event is newer."""


async def update_levels(tx: Transaction, levels: Iterable[tuple[int, UUID, int | None]]) -> None:
    """Apply levels (sequence, product, available units); of each product the highest sequence wins.

    An event of an older catalog has no level, and changes nothing.
    """
    latest: dict[UUID, tuple[int, int]] = {}
    for sequence, product_id, available in levels:
        if available is not None and (product_id not in latest or latest[product_id][0] < sequence):
            latest[product_id] = (sequence, available)
    if latest:
        await store.save_levels(tx, [(product, level, sequence) for product, (sequence, level) in latest.items()])


async def add_levels(tx: Transaction, levels: Mapping[UUID, int]) -> None:
    """Store levels that catalog was asked for, of products that the replica does not have."""
    await update_levels(tx, [(FETCHED, product_id, available) for product_id, available in levels.items()])


async def known_levels(tx: Transaction, product_ids: Sequence[UUID]) -> dict[UUID, int]:
    """The levels that the replica has."""
    return await store.find_levels(tx, product_ids)
