"""`dukan topology`: the consumers, their queues and bindings."""

import asyncio
from collections.abc import Sequence

from rich.table import Table

from common.bus.rabbitmq.transport import RabbitTransport
from common.bus.subscriptions import Consumer, collect
from common.settings import ServiceSettings
from dukan import screen, services
from dukan.errors import ProvisionError
from dukan.services import SERVICES


def consumers() -> list[Consumer]:
    """The consumers of every installed service."""
    installed = [name for name in SERVICES if services.is_installed(name)]
    loaded = [services.load(name, services.settings_of(name)) for name in installed]
    return [consumer for service in loaded for consumer in collect(*service.subscribers)]


def show(listed: Sequence[Consumer]) -> None:
    table = Table("queue", "bound to", "batch")
    for consumer in listed:
        table.add_row(consumer.queue, "\n".join(consumer.patterns), str(consumer.batch))
    screen.out.print(table)


def declare(listed: Sequence[Consumer]) -> None:
    """Declare exchanges, queues and bindings at DUKAN_AMQP_URL; idempotent."""
    amqp = ServiceSettings().amqp_url.get_secret_value()
    try:
        asyncio.run(_declare(listed, amqp))
    except ConnectionError as error:
        raise ProvisionError(f"the queues cannot be declared: {error}") from error


async def _declare(listed: Sequence[Consumer], amqp: str) -> None:
    transport = RabbitTransport(amqp, "topology")
    await transport.start()
    try:
        await transport.declare(listed, None)
    finally:
        await transport.close()
