"""Shoppers, staff and goods for the traffic."""

import asyncio
from collections.abc import Sequence
from random import Random

from dukan import running_platform
from tests.chaos.ledger import Checkout, Ledger
from tests.chaos.shoppers import GaveUpError, Shopper, registered
from tests.chaos.traffic import Traffic, look
from tests.e2e.platform import Platform

SHOPPERS = 8
PRODUCTS = 4
PLENTY = 1_000_000
SCARCE_STOCK = 40
ASKING = 20


async def open_market(shop: Platform, rng: Random, rate: float) -> Traffic:
    """A calm platform with goods, and traffic that has not begun."""
    shoppers = [await registered(shop) for _ in range(SHOPPERS)]
    plenty = [await shop.product(stock=PLENTY) for _ in range(PRODUCTS)]
    scarce = [await shop.product(stock=SCARCE_STOCK) for _ in range(PRODUCTS)]
    ledger = Ledger(stocked=dict.fromkeys(plenty, PLENTY) | dict.fromkeys(scarce, SCARCE_STOCK))
    return Traffic(ledger, shoppers, await _staff(shop), plenty, scarce, rng, rate)


async def _staff(shop: Platform) -> Shopper:
    found = running_platform.find(shop.data)
    assert found is not None
    staff = Shopper(shop, *found.admin())
    await staff.sign_in()
    return staff


async def ask_all(ledger: Ledger, shoppers: Sequence[Shopper]) -> None:
    """Each customer asks once more for each of their orders."""
    of = {shopper.id: shopper for shopper in shoppers}
    gate = asyncio.Semaphore(ASKING)

    async def ask(checkout: Checkout) -> None:
        async with gate:
            try:
                await look(checkout, of[checkout.customer])
            except GaveUpError as error:
                checkout.failure = str(error)

    await asyncio.gather(*(ask(checkout) for checkout in ledger.placed))
