"""What is measured, and the shop that it is measured in."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from bench.load import Result, drive
from bench.wire import Connection, request
from dukan.running import Running

API = "/api/v1"
PRODUCTS = 100
STOCK = 1_000_000
CUSTOMERS = 20
DRAIN_SECONDS = 60
POLL_SECONDS = 0.2


@dataclass
class Shop:
    """A stocked shop with signed-in customers."""

    url: str
    admin: str
    products: list[str]
    tokens: list[str]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def open_shop(found: Running) -> Shop:
    """Stock the shelves and register the customers, through the API."""
    async with httpx.AsyncClient(base_url=f"{found.url}{API}", timeout=30, trust_env=False) as http:
        email, password = found.admin()
        admin = await _sign_in(http, email, password)
        category = await _post(http, "/categories", admin, {"name": f"Bench {uuid4().hex[:6]}"})
        products = [await _stock(http, admin, category["id"], n) for n in range(PRODUCTS)]
        tokens = [await _customer(http) for _ in range(CUSTOMERS)]
    return Shop(found.url, admin, products, tokens)


async def _stock(http: httpx.AsyncClient, admin: str, category: str, number: int) -> str:
    body = {
        "title": f"Bench product {number}",
        "category_id": category,
        "price": {"amount": 1000 + number, "currency": "TZS"},
        "is_active": True,
    }
    product = await _post(http, "/products", admin, body)
    await _post(http, f"/products/{product['id']}/stock", admin, {"delta": STOCK, "reason": "received"})
    return str(product["id"])


async def _customer(http: httpx.AsyncClient) -> str:
    email, password = f"bench-{uuid4().hex[:12]}@example.com", f"pw-{uuid4().hex}"
    response = await http.post("/auth/register", json={"email": email, "password": password})
    response.raise_for_status()
    return await _sign_in(http, email, password)


async def _sign_in(http: httpx.AsyncClient, email: str, password: str) -> str:
    response = await http.post("/auth/login", json={"email": email, "password": password})
    response.raise_for_status()
    return str(response.json()["data"]["access_token"])


async def _post(http: httpx.AsyncClient, path: str, token: str, body: Any) -> Any:
    response = await http.post(path, json=body, headers=bearer(token))
    response.raise_for_status()
    return response.json()["data"]


async def scenarios(shop: Shop, seconds: float) -> AsyncIterator[Result]:
    """Each in turn, alone on the machine."""
    token = shop.tokens[0]
    me = request("GET", f"{API}/auth/me", bearer(token))
    yield await drive("gateway: GET /auth/me, JWT checked", shop.url, lambda: me, seconds=seconds, connections=32)
    listing = request("GET", f"{API}/products?page_size=20", {})
    yield await drive("product list (20)", shop.url, lambda: listing, seconds=seconds, connections=32)
    details = itertools.cycle([request("GET", f"{API}/products/{p}", {}) for p in shop.products])
    yield await drive("product detail", shop.url, lambda: next(details), seconds=seconds, connections=32)
    orders = _orders(shop, prefer="")
    accepted = frozenset({202})
    yield await drive(
        "checkout accepted", shop.url, lambda: next(orders), seconds=seconds, connections=32, expected=accepted
    )
    await settle(shop)
    yield await confirmed(shop, seconds)


def _orders(shop: Shop, prefer: str) -> Any:
    for number in itertools.count():
        headers = bearer(shop.tokens[number % len(shop.tokens)]) | {"Idempotency-Key": str(uuid4())}
        if prefer:
            headers["Prefer"] = prefer
        item = {"product_id": shop.products[number % len(shop.products)], "quantity": 1}
        yield request("POST", f"{API}/orders", headers, {"items": [item], "payment": {"provider": "sandbox"}})


async def confirmed(shop: Shop, seconds: float) -> Result:
    """Whole sagas: each connection waits until its order is confirmed, then places the next."""
    orders = _orders(shop, "wait=10")
    final = frozenset({201})
    return await drive(
        "checkout confirmed", shop.url, lambda: next(orders), seconds=seconds, connections=128, expected=final
    )


async def settle(shop: Shop) -> float:
    """Wait until no checkout is open any more, so that one scenario's backlog is not another's; seconds waited."""
    started = time.perf_counter()
    client = await Connection.open(shop.url)
    path = f"{API}/orders?page_size=1&status="
    looks = [request("GET", f"{path}{status}", bearer(shop.admin)) for status in ("pending", "awaiting_payment")]
    while time.perf_counter() - started < DRAIN_SECONDS:
        answers = [(await client.send(look))[1] for look in looks]
        if all(b'"data":[]' in answer for answer in answers):
            break
        await asyncio.sleep(POLL_SECONDS)
    client.close()
    return time.perf_counter() - started
