"""Products and signed-in customers, created through the API."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx

from bench.wire import Connection, request
from dukan.running_platform import RunningPlatform

API = "/api/v1"
PRODUCTS = 100
STOCK = 1_000_000
CUSTOMERS = 20
DRAIN_SECONDS = 90
POLL_SECONDS = 0.2
OPEN = ("pending", "reserved", "awaiting_payment")


@dataclass
class SeedData:
    """`logins` are e-mail and password of the customers whose tokens these are."""

    url: str
    admin: str
    products: list[str]
    tokens: list[str]
    logins: list[tuple[str, str]]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def order_body(product: str) -> dict[str, Any]:
    return {"items": [{"product_id": product, "quantity": 1}], "payment": {"provider": "sandbox"}}


async def create_seed_data(found: RunningPlatform) -> SeedData:
    """Create products with stock and register customers."""
    async with httpx.AsyncClient(base_url=f"{found.url}{API}", timeout=30, trust_env=False) as http:
        admin = await _sign_in(http, *found.admin())
        category = await _post(http, "/categories", admin, {"name": f"Bench {uuid4().hex[:6]}"})
        products = [await _stock(http, admin, category["id"], n) for n in range(PRODUCTS)]
        logins = [await _customer(http) for _ in range(CUSTOMERS)]
        tokens = [await _sign_in(http, *login) for login in logins]
        await _wait_for_prices(http, tokens[0], products[-1])
    return SeedData(found.url, admin, products, tokens, logins)


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


async def _customer(http: httpx.AsyncClient) -> tuple[str, str]:
    email, password = f"bench-{uuid4().hex[:12]}@example.com", f"pw-{uuid4().hex}"
    response = await http.post("/auth/register", json={"email": email, "password": password})
    response.raise_for_status()
    return email, password


async def _sign_in(http: httpx.AsyncClient, email: str, password: str) -> str:
    response = await http.post("/auth/login", json={"email": email, "password": password})
    response.raise_for_status()
    return str(response.json()["data"]["access_token"])


async def _post(http: httpx.AsyncClient, path: str, token: str, body: Any) -> Any:
    response = await http.post(path, json=body, headers=bearer(token))
    response.raise_for_status()
    return response.json()["data"]


async def _wait_for_prices(http: httpx.AsyncClient, token: str, product: str) -> None:
    """Wait until orders knows the last product: a first order for it succeeds."""
    async with asyncio.timeout(DRAIN_SECONDS):
        while True:
            headers = bearer(token) | {"Idempotency-Key": str(uuid4()), "Prefer": "wait=10"}
            response = await http.post("/orders", json=order_body(product), headers=headers)
            if response.status_code == 201:
                return
            await asyncio.sleep(POLL_SECONDS)


async def settle(seed_data: SeedData) -> float:
    """Wait until no checkout is open, so that scenarios do not share a backlog; returns the seconds waited."""
    started = time.perf_counter()
    client = await Connection.open(seed_data.url)
    path = f"{API}/orders?page_size=1&status="
    looks = [request("GET", f"{path}{status}", bearer(seed_data.admin)) for status in OPEN]
    while time.perf_counter() - started < DRAIN_SECONDS:
        answers = [(await client.send(look))[1] for look in looks]
        if all(b'"data":[]' in answer for answer in answers):
            break
        await asyncio.sleep(POLL_SECONDS)
    client.close()
    return time.perf_counter() - started
