"""The Stripe provider against localstripe, an independent implementation of Stripe's API, in its own process."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from services.billing.tests.conftest import OpenHarness
from services.billing.tests.harness import Harness

from common.contracts.billing import PaymentFailed
from common.testing import eventually

SERVE = """
import sys
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
# It would write its state to one file per machine, which another user's run may own.
Store.dump_to_disk = lambda self: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@pytest.fixture(scope="module")
async def localstripe() -> AsyncIterator[str]:
    """Its URL. It is GPL: it runs in an interpreter of its own and is never imported here."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await eventually(lambda: _is_ready(client, url), within=20)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _is_ready(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/v1/plans", headers={"Authorization": "Bearer sk_test_key"})).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
async def harness(open_harness: OpenHarness, localstripe: str) -> Harness:
    return await open_harness(
        stripe_secret_key="sk_test_key", stripe_webhook_secret="whsec_test", stripe_url=localstripe
    )


async def test_a_card_is_charged_and_refunded_when_the_order_is_cancelled(harness: Harness) -> None:
    order = await harness.request_payment("pm_card_visa", provider="stripe")
    await harness.run_jobs()
    payment = await harness.payment(order)
    assert (payment["status"], payment["captured"]) == ("succeeded", 250_000)
    await harness.cancel_order(order)
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "refunded"


async def test_a_card_that_cannot_be_charged_fails_the_payment(harness: Harness) -> None:
    order = await harness.request_payment("pm_card_chargeCustomerFail", provider="stripe")
    await harness.run_jobs()
    [failed] = await harness.events(PaymentFailed, order)
    assert failed.code == "card_declined"


async def test_a_method_that_does_not_exist_fails_the_payment(harness: Harness) -> None:
    order = await harness.request_payment("pm_unknown", provider="stripe")
    await harness.run_jobs()
    assert (await harness.payment(order))["status"] == "failed"
