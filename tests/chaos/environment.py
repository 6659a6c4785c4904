"""Starts the test environment: broker, database server, proxies before both, record of the bus, and the platform."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from dukan.errors import ProvisionError
from dukan.postgres import EmbeddedPostgres
from dukan.rabbitmq import PrivateRabbit, installed_server
from dukan.secret_file import SecretFile
from dukan.temporary import free_range
from tests.chaos.customers import client, register_customer
from tests.chaos.faults import Environment, fault_environment
from tests.chaos.proxy import Proxy
from tests.chaos.record import Record
from tests.chaos.workload import PLENTY
from tests.e2e.platform import Platform


@asynccontextmanager
async def run_environment(folder: Path) -> AsyncIterator[Environment]:
    """Everything runs while the block runs; afterwards only the folder is left."""
    if installed_server() is None:
        raise ProvisionError("no rabbitmq-server is installed here, and chaos needs one of its own to kill")
    data, inject = _folders(folder)
    async with AsyncExitStack() as stack:
        broker, postgres = PrivateRabbit(folder / "rabbitmq", port=free_range()), _postgres(data / "postgres")
        servers = ThreadPoolExecutor(1, thread_name_prefix="servers")
        stack.callback(servers.shutdown)
        for server in (broker, postgres):
            stack.push_async_callback(_in(servers, server.stop))
            await _in(servers, server.start)()
        amqp_link, postgres_link = await _proxy(broker.port, stack), await _proxy(postgres.port, stack)
        record = Record(lambda: broker.url)
        await stack.enter_async_context(record.listening())
        platform = Platform(
            data,
            _through(broker.url, amqp_link),
            options=["--postgres", _through(postgres.url, postgres_link)],
            env=fault_environment(inject),
        )
        await platform.http.aclose()
        platform.http = client(platform.url)
        stack.push_async_callback(platform.stop)
        await platform.start()
        customer, product = await register_customer(platform), await platform.product(stock=PLENTY)
        yield Environment(
            platform, broker, postgres, amqp_link, postgres_link, record, inject, servers, customer, product
        )


def _folders(parent: Path) -> tuple[Path, Path]:
    """The folders of the platform's data and of the injector's control files."""
    # A server that does not run as root must be able to reach its own folder.
    parent.chmod(0o711)
    data, inject = parent / "data", parent / "inject"
    data.mkdir(mode=0o711)
    inject.mkdir()
    return data, inject


def _postgres(folder: Path) -> EmbeddedPostgres:
    folder.mkdir(mode=0o711)
    # Not an ephemeral port, which an outgoing connection may take while the server is down.
    SecretFile(folder / "secrets.json").remember(port=str(free_range()))
    return EmbeddedPostgres(folder)


async def _proxy(target: int, stack: AsyncExitStack) -> Proxy:
    proxy = Proxy(target)
    await proxy.start()
    stack.push_async_callback(proxy.stop)
    return proxy


def _through(url: str, proxy: Proxy) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{proxy.port}").geturl()


def _in(servers: ThreadPoolExecutor, work: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    return lambda: asyncio.get_running_loop().run_in_executor(servers, work)
