"""An orders service with a database of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from services.orders.tests.catalog_server import CatalogServer, serving_catalog
from services.orders.tests.harness import Harness

from common.testing import TestIssuer
from common.testing.plugin import ClientFor, FreshDatabase
from orders.app import build
from orders.settings import Settings

NewHarness = Callable[..., Awaitable[Harness]]


@pytest.fixture
def new_harness(fresh_database: FreshDatabase, client_for: ClientFor, tokens: TestIssuer) -> NewHarness:
    """`await new_harness(payment_providers="sandbox", …)`: orders with these settings."""

    async def open_with(**settings: object) -> Harness:
        database = await fresh_database("orders")
        # Nothing listens on port 9: a test that needs no missing price must not call catalog.
        given = {"database_url": database.url, "catalog_url": "http://127.0.0.1:9"} | settings
        service = build(Settings.model_validate(given))
        return Harness(service, await client_for(service), tokens)

    return open_with


@pytest.fixture
async def harness(new_harness: NewHarness) -> Harness:
    return await new_harness()


@pytest.fixture
async def catalog() -> AsyncIterator[CatalogServer]:
    """A catalog on a real socket, with the products that the test adds."""
    async with serving_catalog() as server:
        yield server
