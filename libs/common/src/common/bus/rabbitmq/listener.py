"""Fan-out: every process hears every event of some types while it lives, from an exclusive queue of its own."""

import logging
from collections.abc import Callable, Sequence

from pamqp.commands import Basic, Queue

from common.bus.rabbitmq.channel import ConsumeChannel
from common.bus.rabbitmq.frames import Message
from common.bus.rabbitmq.messages import cloud_event_of
from common.contracts.exchange import EVENTS
from common.events.cloudevent import CloudEvent, MalformedCloudEvent

log = logging.getLogger(__name__)

TAKE = 1024


async def subscribe(channel: ConsumeChannel, queue: str, types: Sequence[str]) -> None:
    """Make the queue, bind it to the types and consume it. It ends with the connection."""
    await channel.call(Queue.Declare(queue=queue, exclusive=True, auto_delete=True), Queue.DeclareOk)
    for event_type in types:
        await channel.call(Queue.Bind(queue=queue, exchange=EVENTS.name, routing_key=event_type), Queue.BindOk)
    # Without acknowledgements: a listener promises nothing, and what is missed while away stays missed.
    await channel.call(Basic.Consume(queue=queue, consumer_tag=queue, no_ack=True), Basic.ConsumeOk)


async def deliver(channel: ConsumeChannel, callback: Callable[[CloudEvent], None]) -> None:
    """Call back for every event until the broker goes away (ConnectionError)."""
    while True:
        await channel.next()
        for message in channel.take(TAKE):
            if (cloud_event := _read(message)) is not None:
                callback(cloud_event)


def _read(message: Message) -> CloudEvent | None:
    try:
        return cloud_event_of(message)
    except MalformedCloudEvent as error:
        log.warning("a listener skipped a message: %s", error)
        return None
