"""Envelopes as AMQP messages and back."""

from collections.abc import Mapping
from typing import Any

from aiormq import spec
from aiormq.abc import DeliveredMessage

from common.bus.envelope import (
    ATTEMPT_HEADER,
    CONTENT_TYPE,
    DEAD_QUEUE_HEADER,
    ERROR_HEADER,
    Envelope,
    MalformedEnvelope,
)
from common.bus.transport import ENDED, DeadLetter, Delivery
from common.clock import now
from common.ids import new_id

PERSISTENT = 2


def properties_of(envelope: Envelope, extra: Mapping[str, str] | None = None) -> spec.Basic.Properties:
    """AMQP properties of an event, with its CloudEvents headers and ours."""
    return spec.Basic.Properties(
        content_type=CONTENT_TYPE,
        delivery_mode=PERSISTENT,
        message_id=str(envelope.id),
        message_type=envelope.type,
        correlation_id=envelope.correlation_id,
        timestamp=envelope.time,
        app_id=f"dukan.{envelope.source}",
        headers={**envelope.headers(), **(extra or {})},
    )


def again(message: DeliveredMessage, extra: Mapping[str, str]) -> spec.Basic.Properties:
    """The properties of a message passed on as it came, with our headers changed."""
    before = message.header.properties
    return spec.Basic.Properties(
        content_type=before.content_type,
        delivery_mode=PERSISTENT,
        message_id=before.message_id,
        message_type=before.message_type,
        correlation_id=before.correlation_id,
        timestamp=before.timestamp,
        app_id=before.app_id,
        headers={**(before.headers or {}), **extra},
    )


def attempt_of(headers: Mapping[str, Any]) -> int:
    """Which attempt this delivery is, from 1. What is no number counts as the first."""
    value = _text(headers.get(ATTEMPT_HEADER, "1"))
    return int(value) if value.isdecimal() else 1


def lives_taken(message: DeliveredMessage) -> int:
    """How many consumers ended, or lost their connection, with this message in hand."""
    # Only the broker's own count: a copy that we passed on still bears that of the original.
    headers: Mapping[str, Any] = message.header.properties.headers or {}
    return int(headers.get("x-delivery-count", 1)) if message.redelivered else 0


def delivery_of(message: DeliveredMessage) -> Delivery:
    """Read a delivery. Raises MalformedEnvelope."""
    properties = message.header.properties
    headers: Mapping[str, Any] = properties.headers or {}
    envelope = Envelope.from_headers(headers, properties.correlation_id, message.body)
    return Delivery(envelope, attempt_of(headers))


def dead_delivery_of(message: DeliveredMessage) -> Delivery:
    """Read a dead letter, however little of it can be read: evidence is kept, never refused."""
    properties = message.header.properties
    headers: Mapping[str, Any] = properties.headers or {}
    try:
        envelope = Envelope.from_headers(headers, properties.correlation_id, message.body)
    except MalformedEnvelope:
        event_id = new_id()
        kind = properties.message_type or "unknown"
        envelope = Envelope(event_id, kind, "unknown", str(event_id), now(), message.body, str(event_id))
    queue = _text(headers.get(DEAD_QUEUE_HEADER) or message.routing_key or "unknown")
    # Without our header the broker itself gave the message up: its handler never lived to say why.
    error = _text(headers.get(ERROR_HEADER) or ENDED)
    return Delivery(envelope, 1, DeadLetter(queue, attempt_of(headers), error))


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
