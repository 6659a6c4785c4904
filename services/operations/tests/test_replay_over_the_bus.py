"""A handler fails for good, is mended, and its dead letter is replayed: over both transports."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
import pytest
from aio_pika import connect

from common.bus.embedded import EmbeddedTransport
from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.runtime import Runtime
from common.bus.subscriptions import Consumer, Subscription
from common.bus.transport import Transport
from common.contracts.auth import UserDeactivated
from common.errors import Permanent
from common.ids import new_id
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from common.testing import TestIssuer, eventually
from common.testing.clients import run_service
from common.testing.plugin import FreshDatabase
from common.web.service import Service


@dataclass
class Shop:
    """A consumer with a fault in it, until it is mended."""

    consumer: Consumer
    broken: bool = True
    handled: list[UUID] = field(default_factory=list)

    async def on_user_deactivated(self, event: UserDeactivated, tx: Transaction) -> None:
        if self.broken:
            raise Permanent("the shop is broken")
        tx.after_commit(lambda: self.handled.append(event.user_id))


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.broker)])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    embedded = request.param == "embedded"
    transport: Transport = EmbeddedTransport(poll=0.05) if embedded else RabbitTransport(os.environ["AMQP_URL"], "test")
    await transport.start()
    yield transport
    await transport.close()
    if not embedded:
        # Left bound to everything and read by nobody, they would fill up with what other tests publish.
        await _delete("operations.journal.v1", "operations.requests.v1")


@pytest.fixture
async def shop(bus: Transport, fresh_database: FreshDatabase) -> AsyncIterator[tuple[Shop, Database]]:
    """The faulty consumer, running on a database of its own under a name that no other test has."""
    name = f"shop{uuid4().hex}.checkout"
    shop = Shop(Consumer(name))
    subscription = Subscription(name, UserDeactivated.type, UserDeactivated, 1)
    shop.consumer.handlers[UserDeactivated.type] = (subscription, shop.on_user_deactivated)
    database = await fresh_database("common")
    runtime = Runtime("shop", database, bus, [shop.consumer])
    await runtime.start()
    yield shop, database
    await runtime.stop()
    if isinstance(bus, RabbitTransport):
        await _delete(shop.consumer.queue)


# Dead letters have one queue on a broker: tests that consume it take turns.
async def test_an_event_given_up_by_a_broken_handler_is_handled_once_it_is_mended_and_replayed(
    bus: Transport, shop: tuple[Shop, Database], service: Service, tokens: TestIssuer
) -> None:
    faulty, database = shop
    queue = faulty.consumer.queue
    async with run_service(service, bus, tokens.verifier(), role="all") as staff:
        staff.headers.update(tokens.bearer(roles=["staff"]))
        user_id = new_id()
        async with database.begin() as tx:
            tx.publish(UserDeactivated(user_id=user_id))
        (letter,) = await eventually(lambda: _waiting(staff, queue))
        assert letter["error"] == "Permanent: the shop is broken"

        faulty.broken = False
        answer = await staff.post(f"/api/v1/dead-letters/{letter['id']}/replay")
        assert answer.status_code == 202

        await eventually(lambda: _handled(faulty, user_id))
        assert faulty.handled == [user_id]


async def _waiting(staff: httpx.AsyncClient, queue: str) -> list[dict[str, str]]:
    params = {"queue": queue, "state": "waiting"}
    listed: list[dict[str, str]] = (await staff.get("/api/v1/dead-letters", params=params)).json()["data"]
    return listed


async def _handled(shop: Shop, user_id: UUID) -> bool:
    return user_id in shop.handled


async def _delete(*queues: str) -> None:
    async with await connect(os.environ["AMQP_URL"]) as connection:
        for name in queues:
            queue = await (await connection.channel()).declare_queue(name, passive=True)
            # One that somebody consumes is not ours.
            if not queue.declaration_result.consumer_count:
                await queue.delete(if_unused=False, if_empty=False)
