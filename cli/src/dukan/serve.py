"""One process of one service, or the gateway, over RabbitMQ: the command of images and of `up --amqp`."""

import asyncio
import logging
from typing import Any, cast, get_args

from starlette.types import ASGIApp

from common import logs
from common.bus.rabbitmq.transport import RabbitTransport
from common.web.app import create_app
from common.web.process import Role
from dukan import loops, services, web
from dukan.errors import ProvisionError

log = logging.getLogger(__name__)

BROKER_SECONDS = 30.0


def role_of(text: str) -> Role:
    if text not in get_args(Role):
        raise ProvisionError(f"there is no role {text!r}: choose from {', '.join(get_args(Role))}")
    return cast("Role", text)


def run(name: str, role: Role) -> None:
    settings = _settings(name)
    logs.configure(settings.log_level)
    logs.service_name.set(name)
    loops.run(_serve(name, role, settings))


def _settings(name: str) -> Any:
    if not services.is_installed(name):
        raise ProvisionError(f"there is no service {name!r} here: choose one of {', '.join(services.PORTS)}")
    return services.settings_of(name)


async def _serve(name: str, role: Role, settings: Any) -> None:
    stop = loops.stop_requested()
    transport = RabbitTransport(settings.amqp_url.get_secret_value(), name)
    await _connect(transport, stop)
    try:
        server = web.Server(
            name,
            _application(name, role, settings, transport),
            settings.host,
            settings.port,
            drain_seconds=settings.drain_seconds,
            # No load balancer sends requests to a worker.
            drain_delay=0.0 if role == "worker" else settings.drain_delay,
        )
        serving = await web.start(server)
        loops.settle()
        log.info("%s answers on port %d", name, settings.port)
        await asyncio.wait([serving, stop], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
    finally:
        await transport.close()


def _application(name: str, role: Role, settings: Any, transport: RabbitTransport) -> ASGIApp:
    if name == services.GATEWAY:
        return services.load_gateway(settings, transport)
    return create_app(services.load(name, settings), transport, role)


async def _connect(transport: RabbitTransport, stop: asyncio.Task[None]) -> None:
    """Wait, a bounded time, for a broker that starts at the same time."""
    try:
        async with asyncio.timeout(BROKER_SECONDS):
            while not stop.done():
                try:
                    return await transport.start()
                except ConnectionError as error:
                    log.warning("waiting for the broker: %s", error)
                    await asyncio.sleep(1.0)
    except TimeoutError:
        raise ProvisionError(f"no broker answered within {BROKER_SECONDS:.0f} s") from None
