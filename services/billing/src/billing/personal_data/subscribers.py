"""Events of auth: a person asks for an export of their data, or was erased."""

from collections.abc import Sequence

from billing.personal_data.store import EXPORT_QUERIES, erase_people
from common import clock
from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.billing import BillingDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction


@subscribe(ExportRequested, consumer="billing.people")
async def on_export_requested(event: ExportRequested, tx: Transaction) -> None:
    await publish_export_parts(tx, event, EXPORT_QUERIES, BillingDataGathered)


# The consumer of the payment requests, so that no payment of the person is inserted at the same time.
@subscribe(UserErased, consumer="billing.checkout", batch=256)
async def on_users_erased(events: Sequence[UserErased], tx: Transaction) -> None:
    await erase_people(tx, [event.user_id for event in events], clock.now())
