"""Putting messages on the bus past every outbox, and seeing what became of them."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aio_pika

from common.contracts.event import Event
from common.events.cloudevent import CONTENT_TYPE, CloudEvent
from common.testing import eventually
from tests.chaos.faults import Stage

CONNECT_SECONDS = 10.0
SEEN_SECONDS = 30.0


@dataclass(frozen=True)
class Plant:
    """A message for dukan.events; with an empty `headers` it is no event at all."""

    key: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    correlation_id: str | None = None

    @classmethod
    def of(cls, event: Event, **headers: str) -> "Plant":
        """The event as its publisher would have sent it, apart from the headers given."""
        return cls.enveloped(CloudEvent.of(event), **headers)

    @classmethod
    def enveloped(cls, cloud_event: CloudEvent, **headers: str) -> "Plant":
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


async def plant(stage: Stage, *plants: Plant) -> None:
    """Publish in this order, confirmed."""
    stage.planted.update(one.id for one in plants)
    await publish(stage, [(one.key, one.message()) for one in plants])


async def publish(stage: Stage, messages: Sequence[tuple[str, aio_pika.Message]]) -> None:
    connection = await aio_pika.connect(stage.direct_amqp_url, timeout=CONNECT_SECONDS)
    async with connection:
        channel = await connection.channel()
        events = await channel.get_exchange("dukan.events", ensure=False)
        for key, message in messages:
            await events.publish(message, routing_key=key, timeout=CONNECT_SECONDS)


async def accepted(stage: Stage, consumer: str, event_id: str, within: float = SEEN_SECONDS) -> None:
    """Until the consumer has handled the event; AssertionError after that."""
    service = consumer.split(".", 1)[0]
    query = "SELECT 1 FROM inbox WHERE consumer = $1 AND event_id = $2::text::uuid"
    await eventually(lambda: stage.sql(service, query, consumer, event_id), within)


async def dead_queues(stage: Stage, body: bytes) -> set[str]:
    """The queues that gave a message up, told by its body: what is no event has no id of its own."""
    rows = await stage.sql("operations", "SELECT queue FROM dead_letter WHERE payload = $1", body)
    return {row["queue"] for row in rows}


async def given_up(stage: Stage, body: bytes, queues: set[str], within: float = SEEN_SECONDS) -> None:
    """Until exactly these queues have given it up; AssertionError after that."""

    async def all_did() -> bool:
        return await dead_queues(stage, body) >= queues

    await eventually(all_did, within)
    found = await dead_queues(stage, body)
    assert found == queues, f"given up by {found} instead of {queues}"
