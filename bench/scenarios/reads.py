"""Product list and detail: through the gateway's cache, through the gateway without it, and at catalog itself."""

from collections.abc import AsyncIterator, Mapping

from bench import wrk
from bench.context import BenchContext
from bench.procfs import CpuMeter, platform_processes
from bench.rows import Reference, Row, rate
from bench.seed import API, bearer

LISTS = [f"{API}/products?page_size=20&page={page}" for page in range(1, 6)]
TARGETS = {"product list (20)": 2000.0, "product detail": 4000.0}
"""As a shop front reads: anonymous, through the gateway."""


async def reads(context: BenchContext) -> AsyncIterator[Row]:
    """Each read at catalog itself and through the gateway, anonymous and with credentials."""
    seed_data = await context.seed_data()
    # Credentials bypass every cache.
    signed_in = bearer(seed_data.tokens[0])
    details = [f"{API}/products/{product}" for product in seed_data.products]
    for name, paths in (("product list (20)", LISTS), ("product detail", details)):
        catalog = context.service_url("catalog")
        yield await _row(context, f"{name}: catalog itself", catalog, paths, {})
        yield await _row(context, f"{name}: through the gateway", seed_data.url, paths, {}, target=TARGETS[name])
        direct = await _row(context, f"{name}: catalog itself, signed in", catalog, paths, signed_in)
        yield direct
        compared = Reference(direct.name, direct.value or 0.0)
        yield await _row(context, f"{name}: gateway, past its cache", seed_data.url, paths, signed_in, compared)
    yield await _row(context, "GET /auth/me: through the gateway", seed_data.url, [f"{API}/auth/me"], signed_in)


async def _row(
    context: BenchContext,
    name: str,
    url: str,
    paths: list[str],
    headers: Mapping[str, str],
    compared: Reference | None = None,
    target: float | None = None,
) -> Row:
    meter = CpuMeter(platform_processes(context.platform.pid))
    result = await wrk.get(name, url, paths, headers, seconds=context.seconds)
    # The warm-up counts too: it is as dense as the rest.
    cpu = meter.per(result.rate * (context.seconds + wrk.WARM_UP_SECONDS))
    detail = {"cpu_us_each": cpu.pop("total"), "cpu_us": {who: spent for who, spent in cpu.items() if spent >= 1}}
    return rate(name, result, detail=detail, reference=compared, target=target)
