"""Product list and detail: through the gateway's cache, through the gateway past it, and at catalog itself."""

from collections.abc import AsyncIterator, Mapping

from bench import wrk
from bench.procfs import CpuMeter, platform_processes
from bench.rows import Reference, Row, rate
from bench.shop import API, bearer
from bench.stage import Stage

LISTS = [f"{API}/products?page_size=20&page={page}" for page in range(1, 6)]
TARGETS = {"product list (20)": 2000.0, "product detail": 4000.0}
"""For the way of a shop front: anonymous, through the gateway."""


async def reads(stage: Stage) -> AsyncIterator[Row]:
    """Each read at catalog itself and through the gateway, anonymous and with credentials."""
    shop = await stage.shop()
    # Credentials pass by every cache.
    signed_in = bearer(shop.tokens[0])
    details = [f"{API}/products/{product}" for product in shop.products]
    for name, paths in (("product list (20)", LISTS), ("product detail", details)):
        catalog = stage.service_url("catalog")
        yield await _row(stage, f"{name}: catalog itself", catalog, paths, {})
        yield await _row(stage, f"{name}: through the gateway", shop.url, paths, {}, target=TARGETS[name])
        direct = await _row(stage, f"{name}: catalog itself, signed in", catalog, paths, signed_in)
        yield direct
        compared = Reference(direct.name, direct.value or 0.0)
        yield await _row(stage, f"{name}: gateway, past its cache", shop.url, paths, signed_in, compared)
    yield await _row(stage, "GET /auth/me: through the gateway", shop.url, [f"{API}/auth/me"], signed_in)


async def _row(
    stage: Stage,
    name: str,
    url: str,
    paths: list[str],
    headers: Mapping[str, str],
    compared: Reference | None = None,
    target: float | None = None,
) -> Row:
    meter = CpuMeter(platform_processes(stage.platform.pid))
    result = await wrk.get(name, url, paths, headers, seconds=stage.seconds)
    # The warm-up counts too: it is as dense as the rest.
    cpu = meter.per(result.rate * (stage.seconds + wrk.WARM_UP_SECONDS))
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": {who: spent for who, spent in cpu.items() if spent >= 1}}
    return rate(name, result, detail=detail, reference=compared, target=target)
