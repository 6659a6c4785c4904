"""The events as an AsyncAPI 3 document, made by FastStream from the contracts and the topology.

The headers of every message are CloudEvents attributes (binary mode), see `common.events.cloudevent`.
"""

import json
from typing import Any

from faststream.rabbit import RabbitBroker
from faststream.specification import AsyncAPI

from common.bus.rabbitmq.topology import EVENTS
from common.contracts.all_events import all_events

DESCRIPTION = (
    "Every fact that Dukan's services publish. One topic exchange; the routing key is the event's type. "
    "Delivered at least once, in order per subject."
)
HEADERS: dict[str, Any] = {
    "type": "object",
    "required": [f"cloudEvents_{name}" for name in ("specversion", "id", "source", "type", "time")],
    "properties": {
        "cloudEvents_specversion": {"type": "string", "const": "1.0"},
        "cloudEvents_id": {"type": "string", "format": "uuid", "description": "the same for every redelivery"},
        "cloudEvents_source": {"type": "string", "examples": ["/dukan/orders"]},
        "cloudEvents_type": {"type": "string"},
        "cloudEvents_subject": {
            "type": "string",
            "description": "what the event is about; events of one subject keep their order",
        },
        "cloudEvents_time": {"type": "string", "format": "date-time"},
        "cloudEvents_dataschema": {"type": "string", "format": "uri-reference"},
        "cloudEvents_sequence": {"type": "string", "description": "increases per source; compares as text"},
        "cloudEvents_causationid": {"type": "string", "description": "id of the event that caused this one"},
        "traceparent": {"type": "string"},
        "tracestate": {"type": "string"},
    },
}


def document() -> dict[str, Any]:
    """The AsyncAPI 3.0 document as plain data."""
    broker = RabbitBroker(specification_url="amqp://rabbitmq:5672/")
    for event in all_events():
        broker.publisher(
            routing_key=event.type,
            exchange=EVENTS,
            schema=event,
            persist=True,
            title=event.type,
            description=event.__doc__,
        )
    specification = AsyncAPI(broker, title="Dukan events", version="1", description=DESCRIPTION).to_specification()
    generated: dict[str, Any] = json.loads(specification.to_json())
    for message in generated["components"]["messages"].values():
        message["headers"] = {"$ref": "#/components/schemas/CloudEventHeaders"}
    generated["components"]["schemas"]["CloudEventHeaders"] = HEADERS
    # FastStream keeps publishers in a set: without an order the document would differ from run to run.
    for part in (
        generated["channels"],
        generated["operations"],
        generated["components"]["messages"],
        generated["components"]["schemas"],
    ):
        _sort(part)
    return generated


def _sort(part: dict[str, Any]) -> None:
    items = sorted(part.items())
    part.clear()
    part.update(items)
