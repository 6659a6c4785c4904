"""An independent consumer, bound to the exchange, understands every event by its published contract alone."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from aio_pika import connect
from aio_pika.abc import AbstractIncomingMessage

from common.testing import eventually

from .platform import Platform, amqp_url

GOLDEN = Path(__file__).parents[1] / "contracts" / "golden"
EXPECTED_TYPES = {
    "auth.user.registered.v1",
    "catalog.stock.reserved.v1",
    "orders.order.placed.v1",
    "orders.payment.requested.v1",
    "billing.payment.succeeded.v1",
    "orders.order.confirmed.v1",
    "notifications.notification.created.v1",
    "messaging.message.delivered.v1",
}


@pytest.mark.parametrize(
    "platform",
    [pytest.param("processes", marks=pytest.mark.broker)],
    indirect=True,
)
async def test_an_independent_consumer_reads_the_whole_purchase(platform: Platform) -> None:
    product = await platform.product(stock=10)
    seen: list[AbstractIncomingMessage] = []
    connection = await connect(amqp_url())
    async with connection:
        channel = await connection.channel()
        queue = await channel.declare_queue("", exclusive=True)
        await queue.bind("dukan.events", "#")

        async def record(message: AbstractIncomingMessage) -> None:
            seen.append(message)

        await queue.consume(record, no_ack=True)
        customer = await platform.customer()
        await customer.order(product, wait=10)

        async def all_arrived() -> bool:
            return {message.routing_key for message in seen} >= EXPECTED_TYPES

        await eventually(all_arrived, within=20)
    for message in seen:
        check_cloud_event(message)
        schema = json.loads((GOLDEN / f"{message.routing_key}.json").read_text())
        jsonschema.validate(json.loads(message.body), schema)


def check_cloud_event(message: AbstractIncomingMessage) -> None:
    headers: dict[str, Any] = dict(message.headers)
    assert headers["cloudEvents_specversion"] == "1.0"
    assert headers["cloudEvents_type"] == message.routing_key == message.type
    assert headers["cloudEvents_id"] == message.message_id
    assert str(headers["cloudEvents_source"]).startswith("/dukan/")
    assert message.content_type == "application/json"
    assert message.correlation_id
