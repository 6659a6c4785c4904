"""A handler fails permanently, is fixed, and its dead letter is replayed: over both transports."""

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
class FaultyConsumer:
    """A consumer whose handler fails while it is `broken`."""

    consumer: Consumer
    broken: bool = True
    handled: list[UUID] = field(default_factory=list)

    async def on_user_deactivated(self, event: UserDeactivated, tx: Transaction) -> None:
        if self.broken:
            raise Permanent("the handler is broken")
        tx.after_commit(lambda: self.handled.append(event.user_id))


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.broker)])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    embedded = request.param == "embedded"
    transport: Transport = EmbeddedTransport(poll=0.05) if embedded else RabbitTransport(os.environ["AMQP_URL"], "test")
    await transport.start()
    yield transport
    await transport.close()
    if not embedded:
        # They are bound to every event: without a consumer they would fill up with the events of other tests.
        await _delete("operations.journal.v1", "operations.requests.v1")


@pytest.fixture
async def faulty(bus: Transport, fresh_database: FreshDatabase) -> AsyncIterator[tuple[FaultyConsumer, Database]]:
    """A faulty consumer that runs on a database of its own under a unique name."""
    name = f"faulty{uuid4().hex}.checkout"
    faulty = FaultyConsumer(Consumer(name))
    subscription = Subscription(name, UserDeactivated.type, UserDeactivated, 1)
    faulty.consumer.handlers[UserDeactivated.type] = (subscription, faulty.on_user_deactivated)
    database = await fresh_database("common")
    runtime = Runtime("faulty", database, bus, [faulty.consumer])
    await runtime.start()
    yield faulty, database
    await runtime.stop()
    if isinstance(bus, RabbitTransport):
        await _delete(faulty.consumer.queue)


# Dead letters have one queue on a broker: tests that consume it run one after the other.
async def test_an_event_that_a_broken_handler_gave_up_is_handled_after_a_fix_and_a_replay(
    bus: Transport, faulty: tuple[FaultyConsumer, Database], service: Service, tokens: TestIssuer
) -> None:
    consumer, database = faulty
    queue = consumer.consumer.queue
    async with run_service(service, bus, tokens.verifier(), role="all") as staff:
        staff.headers.update(tokens.bearer(roles=["staff"]))
        user_id = new_id()
        async with database.begin() as tx:
            tx.publish(UserDeactivated(user_id=user_id))
        (dead_letter,) = await eventually(lambda: _waiting(staff, queue))
        assert dead_letter["error"] == "Permanent: the handler is broken"

        consumer.broken = False
        answer = await staff.post(f"/api/v1/dead-letters/{dead_letter['id']}/replay")
        assert answer.status_code == 202

        await eventually(lambda: _handled(consumer, user_id))
        assert consumer.handled == [user_id]


async def _waiting(staff: httpx.AsyncClient, queue: str) -> list[dict[str, str]]:
    params = {"queue": queue, "state": "waiting"}
    listed: list[dict[str, str]] = (await staff.get("/api/v1/dead-letters", params=params)).json()["data"]
    return listed


async def _handled(consumer: FaultyConsumer, user_id: UUID) -> bool:
    return user_id in consumer.handled


async def _delete(*queues: str) -> None:
    async with await connect(os.environ["AMQP_URL"]) as connection:
        for name in queues:
            queue = await (await connection.channel()).declare_queue(name, passive=True)
            # A queue that has a consumer belongs to another test.
            if not queue.declaration_result.consumer_count:
                await queue.delete(if_unused=False, if_empty=False)
