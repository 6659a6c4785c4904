"""Customers who keep trying: a steady stream of checkouts, each repeated with its key until it is answered."""

import asyncio
import itertools
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.platform import Customer

ATTEMPTS = 60
PAUSE = 0.25
TOKENS = ("tok_ok", "tok_ok", "tok_ok", "tok_decline", "tok_unknown")


async def place(customer: Customer, product: str, token: str) -> str:
    """One checkout as a careful client makes it: the same key again after whatever goes wrong. Returns the id."""
    body = {"items": [{"product_id": product, "quantity": 1}], "payment": {"provider": "sandbox", "token": token}}
    key = {"Idempotency-Key": str(uuid4())}
    last: Any = None
    for _ in range(ATTEMPTS):
        try:
            response = await customer.post("/orders", body, **key)
        except httpx.TransportError as error:
            last = error
        else:
            if response.status_code in {201, 202}:
                order_id: str = response.json()["data"]["id"]
                return order_id
            assert response.status_code >= 500 or response.status_code in {401, 429}, response.text
            last = response.status_code
        await asyncio.sleep(PAUSE)
    raise AssertionError(f"a checkout was never answered: {last!r}")


async def stream(customer: Customer, product: str, count: int, begun: asyncio.Event) -> list[str]:
    """`count` checkouts, ten at a time; `begun` is set when a third of them has been answered."""
    gate = asyncio.Semaphore(10)
    tokens = itertools.cycle(TOKENS)
    answered = 0

    async def one(token: str) -> str:
        nonlocal answered
        async with gate:
            order = await place(customer, product, token)
        answered += 1
        if answered >= count // 3:
            begun.set()
        return order

    return list(await asyncio.gather(*(one(next(tokens)) for _ in range(count))))
