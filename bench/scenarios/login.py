"""Sign-ins as fast as possible, and at a steady rate, with a health check every 20 ms."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import cycle

from bench.context import BenchContext
from bench.load import drive, percentile
from bench.procfs import CpuMeter, platform_processes
from bench.rows import Row, rate
from bench.seed import API, SeedData
from bench.wire import Connection, request

CONNECTIONS = 8
ASK_EVERY = 0.02
STEADY = 40


async def login(context: BenchContext) -> AsyncIterator[Row]:
    """Sign-ins per second through the gateway, and the slowest response of auth's health check meanwhile."""
    seed_data = await context.seed_data()
    bodies = [{"email": email, "password": password} for email, password in seed_data.logins]
    requests = cycle([request("POST", f"{API}/auth/login", {}, body) for body in bodies])
    meter = CpuMeter(platform_processes(context.platform.pid))
    asking = asyncio.create_task(_ask(context.service_url("auth")))
    signed_in = await drive(
        "login", seed_data.url, lambda: next(requests), seconds=context.seconds, connections=CONNECTIONS
    )
    asking.cancel()
    latencies = await asking
    cpu = meter.per(signed_in.rate * context.seconds * 1.1)
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": cpu}
    yield rate("login", signed_in, target=40.0, detail=detail)
    slowest = max(latencies, default=0.0)
    p50, p99 = percentile(latencies, 50), percentile(latencies, 99)
    spread = {"p50_ms": p50, "p99_ms": p99, "asked": len(latencies)}
    yield Row("auth's /health/live meanwhile, slowest", slowest, "ms", target=50.0, at_most=True, detail=spread)
    async for row in _steadily(context, seed_data):
        yield row


async def _steadily(context: BenchContext, seed_data: SeedData) -> AsyncIterator[Row]:
    """40 sign-ins a second, on schedule whatever the responses, and both health checks meanwhile."""
    asking = {
        "gateway": asyncio.create_task(_ask(seed_data.url)),
        "auth": asyncio.create_task(_ask(context.service_url("auth"))),
    }
    tasks, started = [], time.perf_counter()
    for number in range(round(STEADY * context.seconds)):
        await asyncio.sleep(max(0.0, started + number / STEADY - time.perf_counter()))
        tasks.append(asyncio.create_task(_sign_in(seed_data, number)))
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


async def _sign_in(seed_data: SeedData, number: int) -> tuple[int, float]:
    """Status and seconds."""
    email, password = seed_data.logins[number % len(seed_data.logins)]
    client = await Connection.open(seed_data.url)
    sent = time.perf_counter()
    status, _ = await client.send(request("POST", f"{API}/auth/login", {}, {"email": email, "password": password}))
    client.close()
    return status, time.perf_counter() - sent


async def _ask(url: str) -> list[float]:
    """Milliseconds of each response, until cancelled."""
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
