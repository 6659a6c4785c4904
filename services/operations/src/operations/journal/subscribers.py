"""Records every event."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.events.cloudevent import CloudEvent
from common.persistence.transaction import Transaction
from operations.journal.usecases import record_events


# About eleven events per order: a large batch, because a transaction costs as much as inserting fifty events.
@subscribe("#", consumer="operations.journal", batch=512)
async def on_any_event(cloud_events: Sequence[CloudEvent], tx: Transaction) -> None:
    await record_events(tx, cloud_events)
