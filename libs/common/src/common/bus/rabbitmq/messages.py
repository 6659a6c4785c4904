"""CloudEvents as AMQP messages and back."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from common.bus.delivery import CRASHED, DeadLetter, Delivery
from common.bus.rabbitmq.frames import Message, Properties
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


def republish_properties(message: Message, changed_headers: Mapping[str, str]) -> Properties:
    """The properties of a copy: those of the message, except for some headers."""
    original = message.properties
    return replace(original, headers={**original.headers, **changed_headers}, delivery_mode=PERSISTENT)


def attempt_of(headers: Mapping[str, Any]) -> int:
    """Which attempt this delivery is, counted from 1. A header that is not a number counts as attempt 1."""
    value = _text(headers.get(ATTEMPT_HEADER, "1"))
    return int(value) if value.isdecimal() else 1


def crash_count(message: Message) -> int:
    """How many consumers crashed, or lost their connection, while they had this message."""
    # Read only if redelivered: a copy that we republished still carries the count of the original.
    return int(message.properties.headers.get("x-delivery-count", 1)) if message.redelivered else 0


def cloud_event_of(message: Message) -> CloudEvent:
    """Read an event. Raises MalformedCloudEvent."""
    properties = message.properties
    return CloudEvent.from_headers(properties.headers, properties.correlation_id, message.body)


def delivery_of(message: Message) -> Delivery:
    """Read a delivery. Raises MalformedCloudEvent."""
    return Delivery(cloud_event_of(message), attempt_of(message.properties.headers))


def dead_delivery_of(message: Message) -> Delivery:
    """Read a dead letter, even one that is no CloudEvent: it is evidence and must be stored."""
    properties, headers = message.properties, message.properties.headers
    try:
        cloud_event = cloud_event_of(message)
    except MalformedCloudEvent:
        event_id = new_id()
        kind = properties.message_type or "unknown"
        cloud_event = CloudEvent(event_id, kind, "unknown", str(event_id), now(), message.body, str(event_id))
    queue = _text(headers.get(DEAD_QUEUE_HEADER) or message.routing_key or "unknown")
    # Without our header the broker itself dead-lettered the message, after its delivery limit.
    error = _text(headers.get(ERROR_HEADER) or CRASHED)
    return Delivery(cloud_event, 1, DeadLetter(queue, attempt_of(headers), error))


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
