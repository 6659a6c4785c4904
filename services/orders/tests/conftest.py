"""An orders service with a database of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from services.orders.tests.catalog import CatalogServer, serving_catalog
from services.orders.tests.shop import Shop

from common.testing import TestIssuer
from common.testing.plugin import ClientFor, FreshDatabase
from orders.app import build
from orders.settings import Settings

OpenShop = Callable[..., Awaitable[Shop]]


@pytest.fixture
def open_shop(fresh_database: FreshDatabase, client_for: ClientFor, tokens: TestIssuer) -> OpenShop:
    """`await open_shop(payment_providers="sandbox", …)`: orders with these settings."""

    async def open_with(**settings: object) -> Shop:
        database = await fresh_database("orders")
        # Port 9 answers nobody: whoever asks catalog without need fails at once.
        given = {"database_url": database.url, "catalog_url": "http://127.0.0.1:9"} | settings
        service = build(Settings.model_validate(given))
        return Shop(service, await client_for(service), tokens)

    return open_with


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()


@pytest.fixture
async def catalog() -> AsyncIterator[CatalogServer]:
    """A catalog on a real socket that knows the products it is given."""
    async with serving_catalog() as server:
        yield server
