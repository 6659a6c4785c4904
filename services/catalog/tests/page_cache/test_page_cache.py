"""Public lists are cached in the process, and never served after a change of their content."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem, product_id

from catalog.page_cache import usecases
from catalog.page_cache.usecases import CHANGES_STORED, CachedPage, PageCache, delete_old_changes
from common.contracts.orders import OrderLine, OrderPlaced
from common.ids import new_id
from common.money import Money
from common.persistence.database import Database
from common.testing import TestIssuer, deliver
from common.web.service import Service

LIST, TREE = "/api/v1/products?page_size=5", "/api/v1/categories/tree"


@pytest.fixture
def pages(catalog: Service) -> PageCache:
    cache: PageCache = catalog.state["pages"]
    return cache


def is_cached(pages: PageCache, url: str) -> bool:
    path, _, query = url.partition("?")
    return (path, query.encode()) in pages._pages


async def change_title(database: Database, product: UUID) -> None:
    """As another process would."""
    async with database.begin() as tx:
        await tx.sql.execute("UPDATE product SET title = title || '!' WHERE id = $1", product)


async def test_a_cached_list_is_served_as_it_was_rendered(
    client: httpx.AsyncClient, make_product: MakeProduct, pages: PageCache, tokens: TestIssuer
) -> None:
    await make_product()
    for url in (LIST, TREE, "/api/v1/categories?search=sho"):
        first = await client.get(url)
        assert is_cached(pages, url)
        for headers in ({}, tokens.bearer()):
            again = await client.get(url, headers=headers)
            assert (again.status_code, again.content) == (200, first.content)
            assert {n: again.headers[n] for n in ("etag", "cache-control", "content-type")} == {
                n: first.headers[n] for n in ("etag", "cache-control", "content-type")
            }
        known = await client.get(url, headers={"If-None-Match": first.headers["etag"]})
        assert (known.status_code, known.content) == (304, b"")
        problem(await client.get(url, headers={"Authorization": "Bearer rubbish"}), 401, "token_invalid")


async def test_the_next_request_sees_every_change_of_the_content(
    client: httpx.AsyncClient,
    catalog: Service,
    make_product: MakeProduct,
    staff: dict[str, str],
    category: dict[str, Any],
) -> None:
    product = await make_product(stock=2)
    url = f"/api/v1/products/{product['id']}"
    line = OrderLine(product_id=product_id(product), title="x", quantity=2, unit_price=Money(amount=1, currency="TZS"))
    order = OrderPlaced(
        order_id=new_id(), number="1", customer_id=new_id(), lines=(line,), total=line.unit_price, provider="sandbox"
    )

    async def sell_out() -> None:
        await deliver(catalog, order)

    async def patch(where: str, body: dict[str, Any]) -> None:
        data(await client.patch(where, json=body, headers=staff))

    for change in (
        lambda: patch(url, {"price": {"amount": 7}}),
        lambda: patch(f"/api/v1/categories/{category['id']}", {"name": "Footwear"}),
        sell_out,
        lambda: make_product(title="Another"),
        lambda: patch(url, {"is_active": False}),
    ):
        before = (await client.get(LIST)).json()
        assert (await client.get(LIST)).json() == before
        await change()
        after = (await client.get(LIST)).json()
        assert after != before
    assert (after["meta"]["total"], [p["title"] for p in after["data"]]) == (1, ["Another"])


async def test_a_stock_change_that_leaves_a_product_in_stock_purges_nothing(
    client: httpx.AsyncClient, catalog: Service, make_product: MakeProduct, staff: dict[str, str], pages: PageCache
) -> None:
    product = await make_product(stock=2)
    await client.get(LIST)
    version = await pages.version()
    adjustment = {"delta": -1, "reason": "damaged"}
    data(await client.post(f"/api/v1/products/{product['id']}/stock", json=adjustment, headers=staff))
    await client.get(LIST)
    assert await pages.version() == version


async def test_a_transaction_open_during_rendering_is_noticed_when_it_commits(
    client: httpx.AsyncClient, catalog: Service, make_product: MakeProduct
) -> None:
    product = product_id(await make_product(title="Old"))
    other = product_id(await make_product(title="Other"))
    async with catalog.database.begin() as tx:
        # Older than the page and than the change below, committed after both.
        await tx.sql.execute("UPDATE product SET title = 'New' WHERE id = $1", product)
        await change_title(catalog.database, other)
        assert [p["title"] for p in data(await client.get(LIST))] == ["Other!", "Old"]
        assert [p["title"] for p in data(await client.get(LIST))] == ["Other!", "Old"]
    assert [p["title"] for p in data(await client.get(LIST))] == ["Other!", "New"]


async def test_a_page_rendered_before_a_change_is_not_stored_after_it(
    client: httpx.AsyncClient, catalog: Service, make_product: MakeProduct, pages: PageCache
) -> None:
    product = product_id(await make_product())
    await client.get(LIST)
    version = await pages.version()
    await change_title(catalog.database, product)
    await client.get(LIST)
    pages.put(("/late", b""), CachedPage.of(b"[]"), version)
    assert not is_cached(pages, "/late")


async def test_memory_is_bounded_and_the_oldest_page_is_evicted_first(
    pages: PageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usecases, "MAX_BYTES", 1000)
    for number in range(20):
        pages.put((f"/{number}", b""), CachedPage.of(b"[]"), 0)
    assert not is_cached(pages, "/0")
    assert is_cached(pages, "/19")
    assert sum(len(page.body) for page in pages._pages.values()) <= 1000
    pages.put(("/huge", b""), CachedPage.of(b"[%b]" % (b" " * 200)), 0)
    assert not is_cached(pages, "/huge")


async def test_the_cache_is_purged_if_the_last_check_is_too_long_ago(
    client: httpx.AsyncClient, make_product: MakeProduct, pages: PageCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_product()
    await client.get(LIST)
    version = await pages.version()
    monkeypatch.setattr(usecases, "MAX_SNAPSHOT_AGE_SECONDS", 0.0)
    await client.get(LIST)
    assert await pages.version() == version + 1


async def test_recorded_changes_are_deleted_after_a_day(catalog: Service, make_product: MakeProduct) -> None:
    await make_product()
    now = datetime.now(UTC)
    async with catalog.database.begin() as tx:
        assert await delete_old_changes(tx, now) == 0
        assert await delete_old_changes(tx, now + CHANGES_STORED + timedelta(minutes=1)) > 0
        assert await tx.sql.fetchval("SELECT count(*) FROM public_change") == 0
