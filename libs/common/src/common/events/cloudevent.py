"""CloudEvents 1.0 in AMQP binary mode.

Sources: CloudEvents 1.0.2 and its AMQP protocol binding (attribute prefix `cloudEvents_`; `cloudEvents:` and `ce-`
are accepted too), the sequence extension, and W3C Trace Context.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from common import clock
from common.context import Origin, current
from common.contracts.event import Event
from common.errors import Permanent
from common.ids import new_id

CONTENT_TYPE = "application/json"
PREFIXES = ("cloudEvents_", "cloudEvents:", "ce-")
ATTEMPT_HEADER = "dukan-attempt"
ERROR_HEADER = "dukan-error"
DEAD_QUEUE_HEADER = "dukan-queue"
SCHEMA_PREFIX = "/asyncapi/schemas/"


class MalformedCloudEvent(Permanent):
    """The message is not a CloudEvent, or an attribute is missing or wrong."""


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """An event in transit: `data` is its JSON, `sequence` grows per source and is 0 until the outbox assigns it."""

    id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    data: bytes
    correlation_id: str
    causation_id: str | None = None
    sequence: int = 0
    traceparent: str | None = None
    tracestate: str | None = None

    @classmethod
    def of(cls, event: Event, cause: CloudEvent | None = None) -> CloudEvent:
        """Wrap a new event. Its cause is the CloudEvent given, else the origin of the running work."""
        event_id = new_id()
        origin = cause.origin() if cause else current() or Origin(correlation_id=str(event_id))
        return cls(
            id=event_id,
            type=event.type,
            source=event.source(),
            subject=event.subject,
            time=clock.now(),
            data=event.model_dump_json().encode(),
            correlation_id=origin.correlation_id,
            causation_id=origin.causation_id,
            traceparent=origin.traceparent,
            tracestate=origin.tracestate,
        )

    def origin(self) -> Origin:
        """The origin of the work that this event causes."""
        return Origin(self.correlation_id, str(self.id), self.traceparent, self.tracestate)

    def numbered(self, sequence: int) -> CloudEvent:
        return replace(self, sequence=sequence)

    def headers(self) -> dict[str, str]:
        """The AMQP headers; the transport sets the AMQP properties (message_id, type, …)."""
        attributes = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": f"/dukan/{self.source}",
            "type": self.type,
            "subject": self.subject,
            "time": self.time.isoformat(),
            "dataschema": f"{SCHEMA_PREFIX}{self.type}.json",
            "sequence": f"{self.sequence:020d}",
        }
        headers = {f"cloudEvents_{name}": value for name, value in attributes.items()}
        optional = {
            "cloudEvents_causationid": self.causation_id,
            "traceparent": self.traceparent,
            "tracestate": self.tracestate,
        }
        return headers | {name: value for name, value in optional.items() if value is not None}

    @classmethod
    def from_headers(cls, headers: Mapping[str, Any], correlation_id: str | None, data: bytes) -> CloudEvent:
        """Read the headers of this platform or of another CloudEvents publisher.

        Raises MalformedCloudEvent that names the missing or wrong attribute.
        """
        prefix = next((p for p in PREFIXES if f"{p}id" in headers), PREFIXES[0])
        try:
            event_id = UUID(_text(headers[f"{prefix}id"]))
            return cls(
                id=event_id,
                type=_text(headers[f"{prefix}type"]),
                source=_text(headers[f"{prefix}source"]).rsplit("/", 1)[-1],
                subject=_text(headers.get(f"{prefix}subject", event_id)),
                time=datetime.fromisoformat(_text(headers[f"{prefix}time"])),
                data=data,
                correlation_id=correlation_id or str(event_id),
                causation_id=_optional(headers.get(f"{prefix}causationid")),
                sequence=int(_text(headers.get(f"{prefix}sequence", "0"))),
                traceparent=_optional(headers.get("traceparent")),
                tracestate=_optional(headers.get("tracestate")),
            )
        except KeyError as missing:
            raise MalformedCloudEvent(f"attribute {missing.args[0].removeprefix(prefix)} is missing") from missing
        except ValueError as wrong:
            raise MalformedCloudEvent(f"an attribute cannot be read: {wrong}") from wrong


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    return value.decode() if isinstance(value, bytes) else str(value)


def _optional(value: Any) -> str | None:
    return None if value is None else _text(value)
