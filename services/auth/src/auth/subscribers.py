"""What auth hears: the pictures that people chose, and the services' parts of the exports that they asked for."""

from auth.usecases.collect_export import collect_export
from auth.usecases.show_avatar import show_avatar
from common.bus.subscriptions import subscribe
from common.contracts.billing import BillingDataGathered
from common.contracts.catalog import AvatarChanged, CatalogDataGathered
from common.contracts.messaging import MessagingDataGathered
from common.contracts.notifications import NotificationsDataGathered
from common.contracts.operations import OperationsDataGathered
from common.contracts.orders import OrdersDataGathered
from common.persistence.transaction import Transaction

AVATARS = "auth.avatars"
EXPORTS = "auth.exports"

Gathered = (
    CatalogDataGathered
    | OrdersDataGathered
    | BillingDataGathered
    | MessagingDataGathered
    | NotificationsDataGathered
    | OperationsDataGathered
)


@subscribe(CatalogDataGathered, consumer=EXPORTS)
@subscribe(OrdersDataGathered, consumer=EXPORTS)
@subscribe(BillingDataGathered, consumer=EXPORTS)
@subscribe(MessagingDataGathered, consumer=EXPORTS)
@subscribe(NotificationsDataGathered, consumer=EXPORTS)
@subscribe(OperationsDataGathered, consumer=EXPORTS)
async def on_data_gathered(event: Gathered, tx: Transaction) -> None:
    await collect_export(tx, event.source(), event)


@subscribe(AvatarChanged, consumer=AVATARS)
async def on_avatar_changed(event: AvatarChanged, tx: Transaction) -> None:
    await show_avatar(tx, event.user_id, event.media_id, tx.cloud_event_of(event).sequence)
