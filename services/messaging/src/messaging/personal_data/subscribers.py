"""Exports and erases people's data."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.messaging import MessagingDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction
from messaging.personal_data.store import EXPORT_QUERIES
from messaging.personal_data.usecases import erase_people

PEOPLE = "messaging.people"
ORDERS = "messaging.orders"


@subscribe(ExportRequested, consumer=PEOPLE)
async def on_export_requested(event: ExportRequested, tx: Transaction) -> None:
    await publish_export_parts(tx, event, EXPORT_QUERIES, MessagingDataGathered)


# In both consumers: each may be writing about the person while the other erases.
@subscribe(UserErased, consumer=PEOPLE, batch=256)
@subscribe(UserErased, consumer=ORDERS, batch=256)
async def on_users_erased(events: Sequence[UserErased], tx: Transaction) -> None:
    await erase_people(tx, [event.user_id for event in events])
