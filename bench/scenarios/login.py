"""Sign-ins as fast as they go, and at a steady rate, while somebody asks every 20 ms who is alive."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import cycle

from bench.load import drive, percentile
from bench.procfs import CpuMeter, platform_processes
from bench.rows import Row, rate
from bench.shop import API, Shop
from bench.stage import Stage
from bench.wire import Connection, request

CONNECTIONS = 8
ASK_EVERY = 0.02
STEADY = 40


async def login(stage: Stage) -> AsyncIterator[Row]:
    """Sign-ins per second through the gateway, and the slowest answer of auth's health meanwhile."""
    shop = await stage.shop()
    bodies = [{"email": email, "password": password} for email, password in shop.logins]
    requests = cycle([request("POST", f"{API}/auth/login", {}, body) for body in bodies])
    meter = CpuMeter(platform_processes(stage.platform.pid))
    asking = asyncio.create_task(_ask(stage.service_url("auth")))
    signed_in = await drive("login", shop.url, lambda: next(requests), seconds=stage.seconds, connections=CONNECTIONS)
    asking.cancel()
    latencies = await asking
    cpu = meter.per(signed_in.rate * stage.seconds * 1.1)
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": cpu}
    yield rate("login", signed_in, target=40.0, detail=detail)
    slowest = max(latencies, default=0.0)
    p50, p99 = percentile(latencies, 50), percentile(latencies, 99)
    spread = {"p50_ms": p50, "p99_ms": p99, "asked": len(latencies)}
    yield Row("auth's /health/live meanwhile, slowest", slowest, "ms", target=50.0, at_most=True, detail=spread)
    async for row in _steadily(stage, shop):
        yield row


async def _steadily(stage: Stage, shop: Shop) -> AsyncIterator[Row]:
    """Sign-ins at 40 a second, due whether or not the last was answered, and both healths meanwhile."""
    asking = {
        "gateway": asyncio.create_task(_ask(shop.url)),
        "auth": asyncio.create_task(_ask(stage.service_url("auth"))),
    }
    tasks, started = [], time.perf_counter()
    for number in range(round(STEADY * stage.seconds)):
        await asyncio.sleep(max(0.0, started + number / STEADY - time.perf_counter()))
        tasks.append(asyncio.create_task(_sign_in(shop, number)))
    answers = await asyncio.gather(*tasks)
    elapsed = time.perf_counter() - started
    for each in asking.values():
        each.cancel()
    times, good = [seconds * 1000 for _, seconds in answers], [status for status, _ in answers].count(200)
    detail = {"p50_ms": percentile(times, 50), "p99_ms": percentile(times, 99), "refused": len(answers) - good}
    yield Row(f"sign-ins at a steady {STEADY} a second", good / elapsed, "requests/s", detail=detail)
    for name, each in asking.items():
        waits = await each
        spread = {"p50_ms": percentile(waits, 50), "p99_ms": percentile(waits, 99), "asked": len(waits)}
        what = f"{name}'s /health/live under {STEADY} sign-ins a second, slowest"
        yield Row(what, max(waits, default=0.0), "ms", target=50.0, at_most=True, detail=spread)


async def _sign_in(shop: Shop, number: int) -> tuple[int, float]:
    """Status and seconds."""
    email, password = shop.logins[number % len(shop.logins)]
    client = await Connection.open(shop.url)
    sent = time.perf_counter()
    status, _ = await client.send(request("POST", f"{API}/auth/login", {}, {"email": email, "password": password}))
    client.close()
    return status, time.perf_counter() - sent


async def _ask(url: str) -> list[float]:
    """Milliseconds that each answer took, until cancelled."""
    client, question = await Connection.open(url), request("GET", "/health/live", {})
    latencies: list[float] = []
    try:
        while True:
            sent = time.perf_counter()
            await client.send(question)
            latencies.append((time.perf_counter() - sent) * 1000)
            await asyncio.sleep(ASK_EVERY)
    except asyncio.CancelledError:
        return latencies
    finally:
        client.close()
