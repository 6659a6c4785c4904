"""Publishes messages directly to the bus, bypassing every outbox, and observes what happens to them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aio_pika

from common.contracts.event import Event
from common.events.cloudevent import CONTENT_TYPE, CloudEvent
from common.testing import eventually
from tests.chaos.faults import Environment

CONNECT_SECONDS = 10.0
SEEN_SECONDS = 30.0


@dataclass(frozen=True)
class RawMessage:
    """A message for dukan.events; with empty `headers` it is not an event."""

    key: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    correlation_id: str | None = None

    @classmethod
    def of(cls, event: Event, **headers: str) -> "RawMessage":
        """The event as its publisher sends it, except for the given headers."""
        return cls.enveloped(CloudEvent.of(event), **headers)

    @classmethod
    def enveloped(cls, cloud_event: CloudEvent, **headers: str) -> "RawMessage":
        return cls(
            cloud_event.type,
            cloud_event.data,
            cloud_event.headers() | headers,
            str(cloud_event.id),
            cloud_event.correlation_id,
        )

    def message(self) -> aio_pika.Message:
        return aio_pika.Message(
            self.body,
            headers=dict(self.headers),
            message_id=self.id,
            type=self.key,
            correlation_id=self.correlation_id,
            content_type=CONTENT_TYPE,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )


async def publish_raw(environment: Environment, *messages: RawMessage) -> None:
    """Publish in this order, with confirms."""
    environment.direct_event_ids.update(one.id for one in messages)
    await publish(environment, [(one.key, one.message()) for one in messages])


async def publish(environment: Environment, messages: Sequence[tuple[str, aio_pika.Message]]) -> None:
    connection = await aio_pika.connect(environment.direct_amqp_url, timeout=CONNECT_SECONDS)
    async with connection:
        channel = await connection.channel()
        events = await channel.get_exchange("dukan.events", ensure=False)
        for key, message in messages:
            await events.publish(message, routing_key=key, timeout=CONNECT_SECONDS)


async def wait_until_accepted(
    environment: Environment, consumer: str, event_id: str, within: float = SEEN_SECONDS
) -> None:
    """Wait until the consumer has handled the event; raises AssertionError after that."""
    service = consumer.split(".", 1)[0]
    query = "SELECT 1 FROM inbox WHERE consumer = $1 AND event_id = $2::text::uuid"
    await eventually(lambda: environment.sql(service, query, consumer, event_id), within)


async def dead_queues(environment: Environment, body: bytes) -> set[str]:
    """The queues that dead-lettered a message, found by its body: a message that is not an event has no id."""
    rows = await environment.sql("operations", "SELECT queue FROM dead_letter WHERE payload = $1", body)
    return {row["queue"] for row in rows}


async def wait_until_dead_lettered(
    environment: Environment, body: bytes, queues: set[str], within: float = SEEN_SECONDS
) -> None:
    """Wait until exactly these queues have dead-lettered it; raises AssertionError after that."""

    async def all_did() -> bool:
        return await dead_queues(environment, body) >= queues

    await eventually(all_did, within)
    found = await dead_queues(environment, body)
    assert found == queues, f"given up by {found} instead of {queues}"
