"""Customers who retry: after any failure they send the same request again with the same key."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from tests.e2e.platform import API, Platform

GIVE_UP_SECONDS = 240.0
PAUSES = (0.2, 0.4, 0.8, 1.5, 2.0)
REQUEST_SECONDS = 15.0
RETRIED = {401, 408, 425, 429}


class GaveUpError(Exception):
    """No response within the time limit, or an error that no retry can fix."""


def client(url: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=1000, max_keepalive_connections=50)
    return httpx.AsyncClient(base_url=url, timeout=REQUEST_SECONDS, limits=limits, trust_env=False)


async def retry(ask: Callable[[], Awaitable[httpx.Response]], within: float = GIVE_UP_SECONDS) -> httpx.Response:
    """The first response that is not a temporary failure. Raises GaveUpError."""
    deadline = time.monotonic() + within
    last: object = None
    for attempt in range(10_000):
        try:
            response = await ask()
        except httpx.TransportError as error:
            last = repr(error)
        else:
            if response.status_code < 500 and response.status_code not in RETRIED:
                return response
            last = response.status_code
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(PAUSES[min(attempt, len(PAUSES) - 1)])
    raise GaveUpError(f"never answered in {within:.0f} s, last {last}")


@dataclass
class RetryingCustomer:
    """An account that signs in again if its token is rejected."""

    platform: Platform
    email: str
    password: str
    id: str = ""
    token: str = ""
    _signing_in: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def sign_in(self) -> None:
        body = {"email": self.email, "password": self.password}
        response = await retry(lambda: self.platform.http.post(f"{API}/auth/login", json=body))
        data = response.raise_for_status().json()["data"]
        self.token, self.id = data["access_token"], data["user"]["id"]

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self._ask("POST", path, headers, body)

    async def get(self, path: str) -> httpx.Response:
        return await self._ask("GET", path, {}, None)

    async def _ask(self, method: str, path: str, headers: dict[str, str], body: Any) -> httpx.Response:
        used = self.token

        async def once() -> httpx.Response:
            nonlocal used
            used = self.token
            response = await self.platform.http.request(
                method, f"{API}{path}", json=body, headers={"Authorization": f"Bearer {used}"} | headers
            )
            if response.status_code == 401:
                await self._renew(used)
            return response

        return await retry(once)

    async def _renew(self, refused: str) -> None:
        async with self._signing_in:
            if self.token == refused:
                await self.sign_in()


async def register_customer(platform: Platform) -> RetryingCustomer:
    customer = RetryingCustomer(platform, f"c-{uuid4().hex[:12]}@example.com", f"pw-{uuid4().hex}")
    body = {"email": customer.email, "password": customer.password, "first_name": "Neema"}
    response = await retry(lambda: platform.http.post(f"{API}/auth/register", json=body))
    response.raise_for_status()
    await customer.sign_in()
    return customer
