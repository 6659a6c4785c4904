"""An operations service on a database of its own."""

import httpx
import pytest

from common.bus.dispatch import Dispatcher
from common.bus.subscriptions import collect
from common.bus.transport import DEAD_LETTERS, DeadLetter, Delivery
from common.contracts.auth import UserDeactivated
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.testing import TestIssuer, cloud_event_of
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.service import Service
from operations.app import build
from operations.settings import Settings


@pytest.fixture
async def service(fresh_database: FreshDatabase) -> Service:
    database = await fresh_database("operations")
    return build(Settings.model_validate({"database_url": database.url}))


@pytest.fixture
async def staff(service: Service, client_for: ClientFor, tokens: TestIssuer) -> httpx.AsyncClient:
    """A client signed in as a member of staff."""
    client = await client_for(service)
    client.headers.update(tokens.bearer(roles=["staff"]))
    return client


def failed_delivery(
    queue: str = "orders.checkout.v1", error: str = "ValueError: no", cloud_event: CloudEvent | None = None
) -> Delivery:
    """A delivery that the queue gave up after five attempts."""
    event = cloud_event or cloud_event_of(UserDeactivated(user_id=new_id()))
    return Delivery(event, 1, DeadLetter(queue, 5, error))


async def deliver_dead_letters(service: Service, *deliveries: Delivery) -> None:
    """Let the service store them, as one batch."""
    consumer = next(c for c in collect(*service.subscribers) if c.name == DEAD_LETTERS)
    await Dispatcher(consumer, service.database)(deliveries)
