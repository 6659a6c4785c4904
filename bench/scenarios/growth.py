"""Product list, search and detail at catalog itself (no gateway, no cache) as the catalogue grows.

The products are synthetic and inserted into catalog's database by SQL, without events: only reads are measured. Words
are distributed unevenly, as in natural language: the first are in every product, the last in a few.
"""

import itertools
from collections.abc import AsyncIterator, Mapping, Sequence

import asyncpg

from bench import wrk
from bench.context import BenchContext
from bench.procfs import CpuMeter, platform_processes
from bench.rows import Row, rate
from bench.seed import API

SIZES = (1_000, 100_000)
CONNECTIONS = 8
DETAILS = 200
PAGES = range(1, 21)
FILL_SECONDS = 600

SYLLABLES = ("ba", "ko", "mi", "ru", "se", "ta", "zu", "pe")
WORDS = ["".join(selected) for selected in itertools.product(SYLLABLES, repeat=3)]
"""512 words without meaning."""
FREQUENT, MIDDLE, RARE = WORDS[:20], WORDS[100:120], WORDS[-20:]

FILL = """
WITH drawn AS (
    SELECT n, array_agg(($3::text[])[1 + floor(512 * power((hashint4(n * 32 + k) & 1048575) / 1048576.0, 2))::integer]
                        ORDER BY k) AS words
    FROM generate_series($1::integer, $2::integer) n, generate_series(0, 22) k GROUP BY n
), made AS (
    INSERT INTO product (id, category_id, title, slug, description, brand, price_amount, final_amount, currency,
                         created_at)
    SELECT gen_random_uuid(), (SELECT id FROM category LIMIT 1), array_to_string(words[1:3], ' '), 'grown-' || n,
           array_to_string(words[4:22], ' '), words[23], price, price, 'TZS', now() - n * interval '1 second'
    FROM drawn, LATERAL (SELECT 1000 + hashint4(n) & 65535 AS price) priced
    RETURNING id
)
INSERT INTO stock (product_id, available) SELECT id, 100 FROM made
"""
SAMPLE = "SELECT id::text FROM product TABLESAMPLE SYSTEM (50) WHERE is_active AND deleted_at IS NULL LIMIT $1"


async def growth(context: BenchContext) -> AsyncIterator[Row]:
    """Rows per size; for a larger curve, add a size. The products stay: this scenario is the last."""
    await context.seed_data()
    catalog = await asyncpg.connect(context.database_url("catalog"), timeout=10, command_timeout=FILL_SECONDS)
    try:
        for size in SIZES:
            await _fill(catalog, size)
            for name, paths in (await _reads(catalog)).items():
                yield await _row(context, name, size, paths)
    finally:
        await catalog.close()


async def _fill(catalog: asyncpg.Connection, size: int) -> None:
    """Insert up to so many products in total."""
    present = await catalog.fetchval("SELECT count(*) FROM product")
    if present < size:
        await catalog.execute(FILL, present, size - 1, WORDS)
    for table in ("product", "stock"):
        await catalog.execute(f"VACUUM ANALYZE {table}")


async def _reads(catalog: asyncpg.Connection) -> Mapping[str, Sequence[str]]:
    sample = [row["id"] for row in await catalog.fetch(SAMPLE, DETAILS)]
    # Never the same twice in a row, so that requests are not coalesced.
    listing = f"{API}/products?page_size=20"
    return {
        "list (20), newest": [f"{listing}&page={page}" for page in PAGES],
        "list (20), cheapest, in stock": [f"{listing}&in_stock=true&ordering=price&page={page}" for page in PAGES],
        "search, a word in most": [f"{listing}&search={word}" for word in FREQUENT],
        "search, a word in some": [f"{listing}&search={word}" for word in MIDDLE],
        "search, a word in few": [f"{listing}&search={word}" for word in RARE],
        "search, two words": [f"{listing}&search={one}+{two}" for one, two in zip(FREQUENT, MIDDLE, strict=True)],
        "detail": [f"{API}/products/{each}" for each in sample],
    }


async def _row(context: BenchContext, name: str, size: int, paths: Sequence[str]) -> Row:
    seconds = max(1.0, context.seconds / 2)
    meter = CpuMeter(platform_processes(context.platform.pid))
    result = await wrk.get(name, context.service_url("catalog"), paths, {}, seconds=seconds, connections=CONNECTIONS)
    cpu = meter.per(result.rate * (seconds + wrk.WARM_UP_SECONDS))
    detail = {
        "curve": {"plot": "growth", "line": name, "x": size, "x_label": "products", "y_label": "requests per second"},
        "cpu_us_each": cpu.pop("total"),
        "cpu_us": {who: spent for who, spent in cpu.items() if spent >= 1},
    }
    return rate(f"{name}, {size:,} products", result, detail=detail)
