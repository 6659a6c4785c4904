"""The parts of exports, from the services that store data about people."""

from auth.data_export.usecases import store_export_part
from common.bus.subscriptions import subscribe
from common.contracts.billing import BillingDataGathered
from common.contracts.catalog import CatalogDataGathered
from common.contracts.messaging import MessagingDataGathered
from common.contracts.notifications import NotificationsDataGathered
from common.contracts.operations import OperationsDataGathered
from common.contracts.orders import OrdersDataGathered
from common.persistence.transaction import Transaction

EXPORTS = "auth.exports"

DataGathered = (
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
async def on_data_gathered(event: DataGathered, tx: Transaction) -> None:
    await store_export_part(tx, event.source(), event)
