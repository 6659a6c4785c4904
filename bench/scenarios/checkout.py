"""Checkouts: as fast as they are taken in, and as fast as customers who wait for theirs come round."""

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

from bench import wrk
from bench.load import Result, drive
from bench.procfs import CpuMeter, everything
from bench.rows import Row, rate
from bench.shop import API, Shop, bearer, order_body, settle
from bench.stage import Stage
from bench.wire import request

PATH = f"{API}/orders"
CONNECTIONS = 32
WAITING_CUSTOMERS = 128


async def accepted(stage: Stage) -> AsyncIterator[Row]:
    """202 means that the order is stored and its events will leave; nobody waits for the rest."""
    shop = await stage.shop()
    meter = CpuMeter(everything(stage.platform.pid))
    result = await _accepting(shop, stage.seconds)
    cpu = meter.per(result.rate * (stage.seconds + wrk.WARM_UP_SECONDS))
    waited = await settle(shop)
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": cpu, "seconds_until_all_were_final": round(waited, 1)}
    yield rate("checkout accepted", result, target=700.0, detail=detail)


async def confirmed(stage: Stage) -> AsyncIterator[Row]:
    """Closed loop: each connection waits until its order is final, then places the next."""
    shop = await stage.shop()
    requests = orders(shop, "wait=10")
    meter = CpuMeter(everything(stage.platform.pid))
    result = await drive(
        "checkout confirmed",
        shop.url,
        lambda: next(requests),
        seconds=stage.seconds,
        connections=WAITING_CUSTOMERS,
        expected=frozenset({201}),
    )
    cpu = meter.per(result.rate * stage.seconds * 1.1)
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": cpu}
    await settle(shop)
    yield rate(f"checkout confirmed, {WAITING_CUSTOMERS} customers in turn", result, detail=detail)


def orders(shop: Shop, prefer: str) -> Iterator[bytes]:
    """Requests that each place another order, of every customer and product in turn."""
    bodies = [order_body(product) for product in shop.products]
    for number in itertools.count():
        headers = bearer(shop.tokens[number % len(shop.tokens)]) | {"Idempotency-Key": str(uuid4())}
        if prefer:
            headers["Prefer"] = prefer
        yield request("POST", PATH, headers, bodies[number % len(bodies)])


async def _accepting(shop: Shop, seconds: float) -> Result:
    if wrk.installed():
        return await wrk.run("checkout", shop.url, _script(shop), seconds=seconds, connections=CONNECTIONS)
    requests, taken = orders(shop, ""), frozenset({202})
    return await drive(
        "checkout", shop.url, lambda: next(requests), seconds=seconds, connections=CONNECTIONS, expected=taken
    )


def _script(shop: Shop) -> str:
    """The same requests in Lua. Each run of the script has keys of its own."""
    tokens = ", ".join(wrk.quoted(f"Bearer {token}") for token in shop.tokens)
    bodies = ", ".join(wrk.quoted(json.dumps(order_body(product))) for product in shop.products)
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
