"""What operations hears: everything, whatever any queue gave up, and who asks for their data or is erased."""

from collections.abc import Sequence

from common import clock
from common.bus.delivery import DEAD_LETTERS, Delivery
from common.bus.subscriptions import subscribe, subscribe_dead_letters
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.gateway import RequestsLogged
from common.events.cloudevent import CloudEvent
from common.persistence.transaction import Transaction
from operations.usecases.erase_person import erase_people
from operations.usecases.gather_personal_data import gather_personal_data
from operations.usecases.keep_dead_letters import keep_dead_letters
from operations.usecases.keep_events import keep_events
from operations.usecases.keep_requests import keep_requests

PEOPLE = "operations.people"


# Some eleven events an order: a large batch, because a transaction costs as much as keeping fifty of them.
@subscribe("#", consumer="operations.journal", batch=512)
async def on_anything(cloud_events: Sequence[CloudEvent], tx: Transaction) -> None:
    await keep_events(tx, cloud_events)


@subscribe(RequestsLogged, consumer="operations.requests", batch=16)
async def on_requests_logged(events: Sequence[RequestsLogged], tx: Transaction) -> None:
    await keep_requests(tx, [request for event in events for request in event.requests])


@subscribe(ExportRequested, consumer=PEOPLE)
async def on_export_requested(event: ExportRequested, tx: Transaction) -> None:
    await gather_personal_data(tx, event)


@subscribe(UserErased, consumer=PEOPLE, batch=64)
async def on_users_erased(events: Sequence[UserErased], tx: Transaction) -> None:
    await erase_people(tx, [event.user_id for event in events], clock.now())


@subscribe_dead_letters(consumer=DEAD_LETTERS, batch=256)
async def on_dead_letters(deliveries: Sequence[Delivery], tx: Transaction) -> None:
    await keep_dead_letters(tx, deliveries)
