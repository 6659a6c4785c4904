"""Catalog's events about stock, except StockReserved: the checkout consumes it, and saves its levels too."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.catalog import StockAdjusted, StockReleased
from common.persistence.transaction import Transaction
from orders.stock.usecases import update_levels

STOCK = "orders.stock"
BATCH = 256


@subscribe(StockAdjusted, consumer=STOCK, batch=BATCH)
async def on_stock_adjusted(events: Sequence[StockAdjusted], tx: Transaction) -> None:
    await update_levels(
        tx, [(tx.cloud_event_of(event).sequence, event.product_id, event.available) for event in events]
    )


@subscribe(StockReleased, consumer=STOCK, batch=BATCH)
async def on_stock_released(events: Sequence[StockReleased], tx: Transaction) -> None:
    await update_levels(
        tx,
        [
            (tx.cloud_event_of(event).sequence, line.product_id, line.available)
            for event in events
            for line in event.lines
        ],
    )
