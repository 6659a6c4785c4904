"""Billing on a database of its own, with the sandbox or with a fake Stripe."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from services.billing.tests.fake_stripe import FakeStripe, fake_stripe
from services.billing.tests.harness import Harness

from billing.app import build
from billing.settings import Settings
from common import clock
from common.contracts.orders import PaymentRequested
from common.testing import TestIssuer
from common.testing.plugin import ClientFor, FreshDatabase

OpenHarness = Callable[..., Awaitable[Harness]]

STRIPE_WEBHOOK_SECRET = "whsec_test"


@pytest.fixture
async def open_harness(fresh_database: FreshDatabase) -> AsyncIterator[OpenHarness]:
    """`await open_harness(payment_timeout=0.2, …)`: billing with these settings."""
    opened: list[Harness] = []

    async def open_with(**settings: Any) -> Harness:
        database = await fresh_database("billing")
        values = {"database_url": database.url, "payment_timeout": 5.0} | settings
        opened.append(Harness(build(Settings.model_validate(values))))
        return opened[-1]

    yield open_with
    for harness in opened:
        await harness.service.database.close()


@pytest.fixture
async def harness(open_harness: OpenHarness) -> Harness:
    return await open_harness()


@pytest.fixture
async def paid(harness: Harness) -> PaymentRequested:
    """An order whose payment was captured."""
    order = await harness.request_payment()
    await harness.run_jobs()
    return order


@pytest.fixture
def stripe() -> Iterator[FakeStripe]:
    with fake_stripe() as fake:
        yield fake


@pytest.fixture
async def stripe_harness(open_harness: OpenHarness, stripe: FakeStripe) -> Harness:
    """Billing with the fake Stripe; the test module names it `harness`."""
    return await open_harness(
        stripe_secret_key="sk_test_key",
        stripe_webhook_secret=STRIPE_WEBHOOK_SECRET,
        stripe_url=stripe.url,
        stripe_return_url="https://shop.example/back",
    )


@pytest.fixture
async def client(harness: Harness, client_for: ClientFor) -> httpx.AsyncClient:
    return await client_for(harness.service)


@pytest.fixture
def staff(tokens: TestIssuer) -> dict[str, str]:
    return tokens.bearer(roles=["staff"])


@pytest.fixture(autouse=True)
def _clock(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tests with a harness run by its clock."""
    if "harness" not in request.fixturenames:
        yield
        return
    with clock.use(request.getfixturevalue("harness").clock):
        yield
