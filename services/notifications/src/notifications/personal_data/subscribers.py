"""Exports and erases people's data."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.notifications import NotificationsDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction
from notifications.personal_data.store import EXPORT_QUERIES
from notifications.personal_data.usecases import erase_people

PEOPLE = "notifications.people"
ORDERS = "notifications.orders"


@subscribe(ExportRequested, consumer=PEOPLE)
async def on_export_requested(event: ExportRequested, tx: Transaction) -> None:
    await publish_export_parts(tx, event, EXPORT_QUERIES, NotificationsDataGathered)


# In both consumers: each may be writing about the person while the other erases.
@subscribe(UserErased, consumer=PEOPLE, batch=256)
@subscribe(UserErased, consumer=ORDERS, batch=256)
async def on_users_erased(events: Sequence[UserErased], tx: Transaction) -> None:
    await erase_people(tx, [event.user_id for event in events])
