"""Keeping the price replica current and reading it, so that an order needs no call to catalog."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from uuid import UUID

from common.persistence.database import Database
from common.persistence.transaction import Transaction
from orders.prices.domain import Price
from orders.prices.providers.catalog import CatalogClient
from orders.prices.store import find_prices, save_categories, save_prices

FETCHED = 0
"""The sequence of a fetched price: every event is newer."""

FetchMissingPrices = Callable[[Sequence[UUID]], Awaitable[None]]
"""`fetch_missing_prices`, given the database and the client by app.py."""


async def update_prices(tx: Transaction, updates: Iterable[tuple[int, Price]]) -> None:
    """Apply prices with their sequences; of each product the highest sequence wins, in any order of arrival.

    A deleted product stays as a tombstone without a price, so that an older event cannot bring it back.
    """
    latest: dict[UUID, tuple[int, Price]] = {}
    for sequence, price in updates:
        if price.product_id not in latest or latest[price.product_id][0] < sequence:
            latest[price.product_id] = (sequence, price)
    if latest:
        await save_prices(tx, latest.values())


async def update_categories(tx: Transaction, updates: Iterable[tuple[int, UUID, bool]]) -> None:
    """Apply whether categories are on sale, as `update_prices` does."""
    latest: dict[UUID, tuple[int, bool]] = {}
    for sequence, category_id, on_sale in updates:
        if category_id not in latest or latest[category_id][0] < sequence:
            latest[category_id] = (sequence, on_sale)
    if latest:
        await save_categories(tx, [(category, on_sale, sequence) for category, (sequence, on_sale) in latest.items()])


async def known_prices(tx: Transaction, product_ids: Sequence[UUID]) -> dict[UUID, Price]:
    """The prices that the replica has."""
    return await find_prices(tx, product_ids)


async def fetch_missing_prices(database: Database, catalog: CatalogClient, product_ids: Sequence[UUID]) -> None:
    """Ask catalog for the products that the replica does not have, because their events have not arrived.

    No transaction is open during the call. Raises PriceUnavailable if catalog does not answer.
    """
    async with database.begin() as tx:
        known = await find_prices(tx, product_ids)
    missing = [product_id for product_id in dict.fromkeys(product_ids) if product_id not in known]
    if not missing:
        return
    prices = await catalog.prices_of(missing)
    async with database.begin() as tx:
        await update_prices(tx, [(FETCHED, price) for price in prices])
