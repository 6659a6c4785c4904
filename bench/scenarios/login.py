"""Sign-ins as fast as they go, while somebody asks every 20 ms whether auth is alive."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import cycle

from bench.load import drive, percentile
from bench.procfs import CpuMeter, platform_processes
from bench.rows import Row, rate
from bench.shop import API
from bench.stage import Stage
from bench.wire import Connection, request

CONNECTIONS = 8
ASK_EVERY = 0.02


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
