"""Envelopes as AMQP messages and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from common.bus.rabbitmq.frames import Message, Properties
from common.bus.transport import ENDED, DeadLetter, Delivery
from common.clock import now
from common.events.cloudevent import (
    ATTEMPT_HEADER,
    CONTENT_TYPE,
    DEAD_QUEUE_HEADER,
    ERROR_HEADER,
    CloudEvent,
    MalformedCloudEvent,
)
from common.ids import new_id

PERSISTENT = 2


def properties_of(cloud_event: CloudEvent) -> Properties:
    """AMQP properties of an event, with its CloudEvents headers."""
    return Properties(
        headers=cloud_event.headers(),
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT,
        correlation_id=cloud_event.correlation_id,
        message_id=str(cloud_event.id),
        timestamp=int(cloud_event.time.timestamp()),
        message_type=cloud_event.type,
        app_id=f"dukan.{cloud_event.source}",
    )


def again(message: Message, extra: Mapping[str, str]) -> Properties:
    """The properties of a message passed on as it came, with our headers changed."""
    before = message.properties
    return replace(before, headers={**before.headers, **extra}, delivery_mode=PERSISTENT)


def attempt_of(headers: Mapping[str, Any]) -> int:
    """Which attempt this delivery is, from 1. What is no number counts as the first."""
    value = _text(headers.get(ATTEMPT_HEADER, "1"))
    return int(value) if value.isdecimal() else 1


def lives_taken(message: Message) -> int:
    """How many consumers ended, or lost their connection, with this message in hand."""
    # Only the broker's own count: a copy that we passed on still bears that of the original.
    return int(message.properties.headers.get("x-delivery-count", 1)) if message.redelivered else 0


def delivery_of(message: Message) -> Delivery:
    """Read a delivery. Raises MalformedCloudEvent."""
    properties, headers = message.properties, message.properties.headers
    cloud_event = CloudEvent.from_headers(headers, properties.correlation_id, message.body)
    return Delivery(cloud_event, attempt_of(headers))


def dead_delivery_of(message: Message) -> Delivery:
    """Read a dead letter, however little of it can be read: evidence is kept, never refused."""
    properties, headers = message.properties, message.properties.headers
    try:
        cloud_event = CloudEvent.from_headers(headers, properties.correlation_id, message.body)
    except MalformedCloudEvent:
        event_id = new_id()
        kind = properties.message_type or "unknown"
        cloud_event = CloudEvent(event_id, kind, "unknown", str(event_id), now(), message.body, str(event_id))
    queue = _text(headers.get(DEAD_QUEUE_HEADER) or message.routing_key or "unknown")
    # Without our header the broker itself gave the message up: its handler never lived to say why.
    error = _text(headers.get(ERROR_HEADER) or ENDED)
    return Delivery(cloud_event, 1, DeadLetter(queue, attempt_of(headers), error))


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
