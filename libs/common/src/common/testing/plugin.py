"""The pytest plugin: `pytest_plugins = ["common.testing.plugin"]` in the root conftest.

`dukan test` provisions PostgreSQL and RabbitMQ and names them in DUKAN_TEST_POSTGRES_URL and AMQP_URL. Where the broker
has a virtual host for each pytest worker, AMQP_URL in a worker names the worker's.

    @pytest.fixture
    async def client(fresh_database, client_for):
        database = await fresh_database("orders")
        return await client_for(build(Settings(database_url=database.url)))
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import httpx
import pytest

from common.persistence.database import Database
from common.testing.clients import run_service
from common.testing.databases import TestDatabases
from common.testing.tokens import TestIssuer
from common.testing.transport import RecordingTransport
from common.web.process import Role
from common.web.service import Service

FreshDatabase = Callable[[str], Awaitable[Database]]
ClientFor = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The URL of a server on which databases may be created."""
    return _required("DUKAN_TEST_POSTGRES_URL")


def pytest_configure() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and "AMQP_URL" in os.environ:
        os.environ["AMQP_URL"] = amqp_url_of(f"test-{worker}")


@pytest.fixture(scope="session")
def amqp_url() -> str:
    """A virtual host of a real RabbitMQ, the worker's own; tests that use it are marked `broker`."""
    return _required("AMQP_URL")


def amqp_url_of(vhost: str) -> str:
    """The URL of RabbitMQ with this virtual host if `dukan test` made it, else as given."""
    url = _required("AMQP_URL")
    vhosts = os.environ.get("DUKAN_TEST_VHOSTS", "").split(",")
    return urlsplit(url)._replace(path=f"/{vhost}").geturl() if vhost in vhosts else url


@pytest.fixture(scope="session")
async def _databases(postgres_url: str) -> AsyncIterator[TestDatabases]:
    databases = TestDatabases(postgres_url)
    yield databases
    await databases.close()


@pytest.fixture
async def fresh_database(_databases: TestDatabases) -> AsyncIterator[FreshDatabase]:
    """`await fresh_database("orders")`: a new migrated database, dropped after the test."""
    async with AsyncExitStack() as stack:

        async def fresh(package: str) -> Database:
            return await stack.enter_async_context(_databases.clone(package))

        yield fresh


@pytest.fixture(scope="session")
def tokens() -> TestIssuer:
    """Signs access tokens that services under test accept."""
    return TestIssuer()


@pytest.fixture
def transport() -> RecordingTransport:
    """Records the events that the services under test publish; calls their listeners."""
    return RecordingTransport()


@pytest.fixture
async def client_for(
    tokens: TestIssuer,
    transport: RecordingTransport,
    fresh_database: FreshDatabase,  # noqa: ARG001 (asked for so that services stop before their databases go)
) -> AsyncIterator[ClientFor]:
    """`await client_for(service, role="api")`: a client on the running service, stopped after the test."""
    async with AsyncExitStack() as stack:

        async def client(service: Service, role: Role = "api", *, checks_errors: bool = True) -> httpx.AsyncClient:
            running = run_service(service, transport, tokens.verifier(), role, checks_errors=checks_errors)
            return await stack.enter_async_context(running)

        yield client


def _required(variable: str) -> str:
    if not (value := os.environ.get(variable)):
        pytest.fail(f"{variable} is not set: run the tests with `./dukan test`", pytrace=False)
    return value
