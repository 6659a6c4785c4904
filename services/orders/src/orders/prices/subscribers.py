"""Catalog's events about products and categories keep the price replica current."""

from collections.abc import Sequence
from uuid import UUID

from common.bus.subscriptions import subscribe
from common.contracts.catalog import (
    CategoryChanged,
    CategoryCreated,
    ProductChanged,
    ProductCreated,
    ProductDeleted,
)
from common.persistence.transaction import Transaction
from orders.prices.domain import Price
from orders.prices.usecases import update_categories, update_prices

PRICES = "orders.prices"
BATCH = 256


@subscribe(ProductCreated, consumer=PRICES, batch=BATCH)
async def on_products_created(events: Sequence[ProductCreated], tx: Transaction) -> None:
    await update_prices(tx, [(tx.cloud_event_of(event).sequence, _price(event)) for event in events])


@subscribe(ProductChanged, consumer=PRICES, batch=BATCH)
async def on_products_changed(events: Sequence[ProductChanged], tx: Transaction) -> None:
    await update_prices(tx, [(tx.cloud_event_of(event).sequence, _price(event)) for event in events])


@subscribe(ProductDeleted, consumer=PRICES, batch=BATCH)
async def on_products_deleted(events: Sequence[ProductDeleted], tx: Transaction) -> None:
    await update_prices(tx, [(tx.cloud_event_of(event).sequence, _tombstone(event)) for event in events])


@subscribe(CategoryCreated, consumer=PRICES, batch=BATCH)
async def on_categories_created(events: Sequence[CategoryCreated], tx: Transaction) -> None:
    await update_categories(tx, [_sale(tx, event) for event in events])


@subscribe(CategoryChanged, consumer=PRICES, batch=BATCH)
async def on_categories_changed(events: Sequence[CategoryChanged], tx: Transaction) -> None:
    await update_categories(tx, [_sale(tx, event) for event in events])


def _sale(tx: Transaction, event: CategoryCreated | CategoryChanged) -> tuple[int, UUID, bool]:
    return tx.cloud_event_of(event).sequence, event.category_id, event.on_sale


def _price(event: ProductCreated | ProductChanged) -> Price:
    return Price(event.product_id, event.title, event.final_price, event.is_active, event.price, event.category_id)


def _tombstone(event: ProductDeleted) -> Price:
    return Price(event.product_id, "", None, is_active=False)
