"""How long a session is accepted after sign-out, at two gateways of one platform."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack

import httpx

from bench import gateways
from bench.context import BenchContext
from bench.load import percentile
from bench.rows import Row
from bench.seed import API, bearer
from bench.wire import Connection, request
from dukan.services import SERVICES

TIMES = 50
PATH = f"{API}/cart"
MAX_SECONDS = 10.0
EVERY_SECONDS = 0.002


async def revocation(context: BenchContext) -> AsyncIterator[Row]:
    """Sign in, call both gateways, sign out at one of them in turn; poll both until they reject the token."""
    seed_data = await context.seed_data()
    with ExitStack() as stack:
        urls = {name: context.service_url(name) for name in SERVICES}
        second, _ = gateways.start(stack, context.folder("revocation"), urls, context.broker)
        await asyncio.to_thread(gateways.await_answer, f"{second}/health/ready", {})
        doors = [seed_data.url, second]
        found = [await _once(doors, seed_data.logins[turn % len(seed_data.logins)], turn) for turn in range(TIMES)]
    seconds = [each for pair in found for each in pair]
    here = [pair[turn % 2] for turn, pair in enumerate(found)]
    there = [pair[1 - turn % 2] for turn, pair in enumerate(found)]
    for name, times in (("where it was signed out", here), ("at the other gateway", there)):
        detail = {"p50_ms": percentile(times, 50) * 1000, "p99_ms": percentile(times, 99) * 1000, "times": TIMES}
        yield Row(f"a session goes on {name}, longest", max(times) * 1000, "ms", detail=detail)
    yield Row(f"refused at both gateways, slowest of {TIMES}", max(seconds) * 1000, "ms", target=1000.0, at_most=True)


async def _once(doors: list[str], login: tuple[str, str], turn: int) -> list[float]:
    """Seconds from the response to the sign-out until each gateway rejected the token."""
    email, password = login
    async with httpx.AsyncClient(base_url=doors[turn % 2] + API, timeout=10, trust_env=False) as http:
        signed_in = await http.post("/auth/login", json={"email": email, "password": password})
        token = signed_in.raise_for_status().json()["data"]["access_token"]
        asking = [asyncio.create_task(_refused_at(url, token)) for url in doors]
        await asyncio.gather(*(asyncio.wait_for(_let_in(url, token), MAX_SECONDS) for url in doors))
        (await http.post("/auth/logout", json={}, headers=bearer(token))).raise_for_status()
        signed_out = time.perf_counter()
        return [max(0.0, at - signed_out) for at in await asyncio.gather(*asking)]


async def _let_in(url: str, token: str) -> None:
    connection = await Connection.open(url)
    status, _ = await connection.send(request("GET", PATH, bearer(token)))
    connection.close()
    if status != 200:
        raise ValueError(f"{url} did not let in a session that is good: {status}")


async def _refused_at(url: str, token: str) -> float:
    """The time of the first 401."""
    connection, question = await Connection.open(url), request("GET", PATH, bearer(token))
    try:
        async with asyncio.timeout(MAX_SECONDS):
            while True:
                status, _ = await connection.send(question)
                if status == 401:
                    return time.perf_counter()
                await asyncio.sleep(EVERY_SECONDS)
    finally:
        connection.close()
