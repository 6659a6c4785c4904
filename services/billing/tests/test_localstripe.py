"""The same adapter against localstripe, an independent reading of Stripe's API, in a process of its own."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import httpx
import pytest
from services.billing.tests.conftest import OpenShop
from services.billing.tests.shop import Shop

from common.contracts.billing import PaymentFailed
from common.testing import eventually

SERVE = """
import sys
from aiohttp import web
from localstripe.resources import Store
from localstripe.server import app
# It would keep its state in one file for the whole machine, which another user's run may own.
Store.dump_to_disk = lambda self: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


@pytest.fixture(scope="module")
async def localstripe() -> AsyncIterator[str]:
    """Its address. It is GPL: served by an interpreter of its own, never imported here."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(port))
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            await eventually(lambda: _answers(client, url), within=20)
        yield url
    finally:
        process.terminate()
        await process.wait()


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        return (await client.get(f"{url}/v1/plans", headers={"Authorization": "Bearer sk_test_key"})).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
async def shop(open_shop: OpenShop, localstripe: str) -> Shop:
    return await open_shop(stripe_secret_key="sk_test_key", stripe_webhook_secret="whsec_test", stripe_url=localstripe)


async def test_a_card_is_charged_and_refunded_when_the_order_is_cancelled(shop: Shop) -> None:
    order = await shop.request("pm_card_visa", provider="stripe")
    await shop.work()
    payment = await shop.payment(order)
    assert (payment["status"], payment["captured"]) == ("succeeded", 250_000)
    await shop.cancel(order)
    await shop.work()
    assert (await shop.payment(order))["status"] == "refunded"


async def test_a_card_that_cannot_be_charged_fails_the_payment(shop: Shop) -> None:
    order = await shop.request("pm_card_chargeCustomerFail", provider="stripe")
    await shop.work()
    [failed] = await shop.told(PaymentFailed, order)
    assert failed.code == "card_declined"


async def test_a_method_that_does_not_exist_fails_the_payment(shop: Shop) -> None:
    order = await shop.request("pm_nobody", provider="stripe")
    await shop.work()
    assert (await shop.payment(order))["status"] == "failed"
