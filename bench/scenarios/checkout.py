"""Checkouts: accepted as fast as possible, and confirmed for customers who wait."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

from bench import wrk
from bench.context import BenchContext
from bench.load import Result, drive
from bench.procfs import CpuMeter, everything
from bench.rows import Row, rate
from bench.seed import API, SeedData, bearer, order_body, settle
from bench.wire import request

PATH = f"{API}/orders"
CONNECTIONS = 32
WAITING_CUSTOMERS = 128


async def accepted(context: BenchContext) -> AsyncIterator[Row]:
    """202: the order is stored and its events will be published; no client waits for the saga."""
    seed_data = await context.seed_data()
    meter = CpuMeter(everything(context.platform.pid))
    result = await _accepting(seed_data, context.seconds)
    cpu = meter.per(result.rate * (context.seconds + wrk.WARM_UP_SECONDS))
    waited = await settle(seed_data)
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": cpu, "seconds_until_all_were_final": round(waited, 1)}
    yield rate("checkout accepted", result, target=700.0, detail=detail)


async def confirmed(context: BenchContext) -> AsyncIterator[Row]:
    """Closed loop: each connection waits until its order is final, then places the next."""
    seed_data = await context.seed_data()
    requests = orders(seed_data, "wait=10")
    meter = CpuMeter(everything(context.platform.pid))
    result = await drive(
        "checkout confirmed",
        seed_data.url,
        lambda: next(requests),
        seconds=context.seconds,
        connections=WAITING_CUSTOMERS,
        expected=frozenset({201}),
    )
    cpu = meter.per(result.rate * context.seconds * 1.1)
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": cpu}
    await settle(seed_data)
    yield rate(f"checkout confirmed, {WAITING_CUSTOMERS} customers in turn", result, detail=detail)


def orders(seed_data: SeedData, prefer: str) -> Iterator[bytes]:
    """Requests that each place another order, of every customer and product in turn."""
    bodies = [order_body(product) for product in seed_data.products]
    for number in itertools.count():
        headers = bearer(seed_data.tokens[number % len(seed_data.tokens)]) | {"Idempotency-Key": str(uuid4())}
        if prefer:
            headers["Prefer"] = prefer
        yield request("POST", PATH, headers, bodies[number % len(bodies)])


async def _accepting(seed_data: SeedData, seconds: float) -> Result:
    if wrk.installed():
        return await wrk.run("checkout", seed_data.url, _script(seed_data), seconds=seconds, connections=CONNECTIONS)
    requests, taken = orders(seed_data, ""), frozenset({202})
    return await drive(
        "checkout", seed_data.url, lambda: next(requests), seconds=seconds, connections=CONNECTIONS, expected=taken
    )


def _script(seed_data: SeedData) -> str:
    """The same requests in Lua. Each run of the script has its own keys."""
    tokens = ", ".join(wrk.quoted(f"Bearer {token}") for token in seed_data.tokens)
    bodies = ", ".join(wrk.quoted(json.dumps(order_body(product))) for product in seed_data.products)
    return f"""
local tokens, bodies, number = {{{tokens}}}, {{{bodies}}}, 0
local run = os.time() .. "-" .. tostring({{}}):sub(8)
local headers = {{["Host"] = "bench", ["Content-Type"] = "application/json"}}
function request()
    number = number + 1
    headers["Authorization"] = tokens[number % #tokens + 1]
    headers["Idempotency-Key"] = run .. "-" .. number
    return wrk.format("POST", "{PATH}", headers, bodies[number % #bodies + 1])
end
"""
