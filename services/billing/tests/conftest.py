"""A billing service on a database of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest
from services.billing.tests.shop import Shop

from billing.app import build
from billing.settings import Settings
from common import clock
from common.testing.plugin import FreshDatabase

OpenShop = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def open_shop(fresh_database: FreshDatabase) -> AsyncIterator[OpenShop]:
    """`await open_shop(payment_timeout=0.2, …)`: a shop whose billing has these settings."""
    shops: list[Shop] = []

    async def open_with(**settings: Any) -> Shop:
        database = await fresh_database("billing")
        given = {"database_url": database.url, "payment_timeout": 5.0} | settings
        shops.append(Shop(build(Settings.model_validate(given))))
        return shops[-1]

    yield open_with
    for shop in shops:
        await shop.service.database.close()


@pytest.fixture
async def shop(open_shop: OpenShop) -> Shop:
    return await open_shop()


@pytest.fixture(autouse=True)
def _time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests with a shop live by its clock."""
    if "shop" not in request.fixturenames:
        yield
        return
    with clock.use(request.getfixturevalue("shop").clock):
        yield
