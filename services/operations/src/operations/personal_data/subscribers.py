"""Exports and erases people's data."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.operations import OperationsDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction
from operations.personal_data.store import EXPORT_QUERIES
from operations.personal_data.usecases import erase_people

CONSUMER = "operations.people"


@subscribe(ExportRequested, consumer=CONSUMER)
async def on_export_requested(event: ExportRequested, tx: Transaction) -> None:
    await publish_export_parts(tx, event, EXPORT_QUERIES, OperationsDataGathered)


@subscribe(UserErased, consumer=CONSUMER, batch=64)
async def on_users_erased(events: Sequence[UserErased], tx: Transaction) -> None:
    await erase_people(tx, [event.user_id for event in events])
