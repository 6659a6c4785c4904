"""Auth's events about data exports and erased accounts."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.orders import OrdersDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction
from orders.personal_data.store import EXPORT_QUERIES, erase_people

PEOPLE = "orders.people"
BATCH = 256


@subscribe(ExportRequested, consumer=PEOPLE)
async def on_export_requested(event: ExportRequested, tx: Transaction) -> None:
    """Publish the person's addresses, cart and orders."""
    await publish_export_parts(tx, event, EXPORT_QUERIES, OrdersDataGathered)


@subscribe(UserErased, consumer=PEOPLE, batch=BATCH)
async def on_users_erased(events: Sequence[UserErased], tx: Transaction) -> None:
    await erase_people(tx, [event.user_id for event in events])
