"""Customers, staff and products for the traffic."""

import asyncio
from collections.abc import Sequence
from random import Random

from dukan import running_platform
from tests.chaos.customers import GaveUpError, RetryingCustomer, register_customer
from tests.chaos.ledger import Checkout, Ledger
from tests.chaos.traffic import Traffic, look
from tests.e2e.platform import Platform

SHOPPERS = 8
PRODUCTS = 4
PLENTY = 1_000_000
SCARCE_STOCK = 40
ASKING = 20


async def prepare_traffic(platform: Platform, rng: Random, rate: float) -> Traffic:
    """A platform with products, and traffic that has not started."""
    customers = [await register_customer(platform) for _ in range(SHOPPERS)]
    plenty = [await platform.product(stock=PLENTY) for _ in range(PRODUCTS)]
    scarce = [await platform.product(stock=SCARCE_STOCK) for _ in range(PRODUCTS)]
    ledger = Ledger(stocked=dict.fromkeys(plenty, PLENTY) | dict.fromkeys(scarce, SCARCE_STOCK))
    return Traffic(ledger, customers, await _staff(platform), plenty, scarce, rng, rate)


async def _staff(platform: Platform) -> RetryingCustomer:
    found = running_platform.find(platform.data)
    assert found is not None
    staff = RetryingCustomer(platform, *found.admin())
    await staff.sign_in()
    return staff


async def query_all_orders(ledger: Ledger, customers: Sequence[RetryingCustomer]) -> None:
    """Query each customer's orders once more."""
    of = {customer.id: customer for customer in customers}
    gate = asyncio.Semaphore(ASKING)

    async def ask(checkout: Checkout) -> None:
        async with gate:
            try:
                await look(checkout, of[checkout.customer])
            except GaveUpError as error:
                checkout.failure = str(error)

    await asyncio.gather(*(ask(checkout) for checkout in ledger.placed))
