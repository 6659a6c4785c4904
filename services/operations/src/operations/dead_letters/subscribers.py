"""Stores what any queue gave up."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe_dead_letters
from common.bus.transport import DEAD_LETTERS, Delivery
from common.persistence.transaction import Transaction
from operations.dead_letters.usecases import store_dead_letters


@subscribe_dead_letters(consumer=DEAD_LETTERS, batch=256)
async def on_dead_letters(deliveries: Sequence[Delivery], tx: Transaction) -> None:
    await store_dead_letters(tx, deliveries)
