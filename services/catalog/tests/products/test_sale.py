"""What is on sale: active products whose category, and all categories above it, are active."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem, product_id
from services.catalog.tests.stock.orders import placed

from common.contracts.catalog import CategoryChanged, CategoryCreated, ProductCreated, StockRejected, StockReserved
from common.ids import new_id
from common.testing import deliver, facts
from common.web.service import Service

PRODUCTS, CATEGORIES = "/api/v1/products", "/api/v1/categories"
LEVELS = ("home", "kitchen", "pots")
Shop = dict[str, dict[str, Any]]
Switch = Callable[..., Awaitable[None]]


@pytest.fixture
async def shop(client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct) -> Shop:
    """Categories home > kitchen > pots, and a product `pot` in the lowest one with three units."""
    made: Shop = {}
    parent = None
    for name in LEVELS:
        body = {"name": name.title(), "parent_id": parent}
        made[name] = data(await client.post(CATEGORIES, json=body, headers=staff), 201)
        parent = made[name]["id"]
    made["pot"] = await make_product(title="Clay pot", category_id=parent, stock=3, is_featured=True)
    return made


@pytest.fixture
def switch(client: httpx.AsyncClient, staff: dict[str, str], shop: Shop) -> Switch:
    async def switch(name: str, **changes: object) -> None:
        data(await client.patch(f"{CATEGORIES}/{shop[name]['id']}", json=changes, headers=staff))

    return switch


async def listed(client: httpx.AsyncClient, query: str = "") -> list[str]:
    return [product["title"] for product in data(await client.get(f"{PRODUCTS}?{query}"))]


@pytest.mark.parametrize("level", LEVELS)
async def test_a_product_below_an_inactive_category_is_not_shown(
    client: httpx.AsyncClient, staff: dict[str, str], shop: Shop, switch: Switch, level: str
) -> None:
    pot = shop["pot"]
    await switch(level, is_active=False)
    for query in ("", "search=clay", "ordering=price", "is_featured=true", "category=pots", "category=home"):
        assert await listed(client, query) == []
    for path in (pot["id"], pot["slug"], f"{pot['id']}/stock"):
        problem(await client.get(f"{PRODUCTS}/{path}"), 404, "not_found")
    # Staff prepare what is not on sale.
    assert data(await client.get(f"{PRODUCTS}/{pot['id']}", headers=staff))["title"] == "Clay pot"
    assert data(await client.get(f"{PRODUCTS}/{pot['id']}/stock", headers=staff))["available"] == 3
    everything = await client.get(f"{PRODUCTS}?include_inactive=true", headers=staff)
    assert [product["title"] for product in data(everything)] == ["Clay pot"]
    await switch(level, is_active=True)
    assert await listed(client) == ["Clay pot"]
    assert data(await client.get(f"{PRODUCTS}/{pot['id']}/stock"))["available"] == 3


@pytest.mark.parametrize("level", LEVELS)
async def test_a_category_below_an_inactive_one_is_not_shown(
    client: httpx.AsyncClient, staff: dict[str, str], shop: Shop, switch: Switch, level: str
) -> None:
    hidden = LEVELS[LEVELS.index(level) :]
    await switch(level, is_active=False)
    shown = {category["slug"] for category in data(await client.get(CATEGORIES))}
    assert shown == {"shoes", *LEVELS} - set(hidden)
    for name in hidden:
        problem(await client.get(f"{CATEGORIES}/{name}"), 404, "not_found")
        problem(await client.get(f"{CATEGORIES}/{shop[name]['id']}/children"), 404, "not_found")
        assert data(await client.get(f"{CATEGORIES}/{name}", headers=staff))["slug"] == name


@pytest.mark.parametrize("level", LEVELS)
async def test_no_stock_is_reserved_below_an_inactive_category(
    catalog: Service, shop: Shop, switch: Switch, level: str
) -> None:
    pot = product_id(shop["pot"])
    await switch(level, is_active=False)
    await deliver(catalog, placed({pot: 1}))
    [rejection] = await facts(catalog.database, StockRejected)
    assert (rejection.reason, rejection.product_ids) == ("unknown_product", (pot,))
    await switch(level, is_active=True)
    await deliver(catalog, placed({pot: 1}))
    assert len(await facts(catalog.database, StockReserved)) == 1


async def test_stock_of_products_that_are_not_on_sale_is_not_public(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    inactive, deleted = await make_product(stock=2, is_active=False), await make_product(title="Old", stock=2)
    await client.delete(f"{PRODUCTS}/{deleted['id']}", headers=staff)
    for product in (inactive["id"], deleted["id"], str(new_id())):
        problem(await client.get(f"{PRODUCTS}/{product}/stock"), 404, "not_found")
    assert data(await client.get(f"{PRODUCTS}/{inactive['id']}/stock", headers=staff))["available"] == 2


async def test_two_inactive_categories_above_a_product_must_both_become_active(
    client: httpx.AsyncClient, shop: Shop, switch: Switch
) -> None:
    await switch("home", is_active=False)
    await switch("pots", is_active=False)
    await switch("home", is_active=True)
    assert await listed(client) == []
    await switch("pots", is_active=True)
    assert await listed(client) == ["Clay pot"]


async def test_a_branch_that_moves_below_an_inactive_category_goes_off_sale(
    client: httpx.AsyncClient, staff: dict[str, str], shop: Shop, switch: Switch
) -> None:
    body = {"name": "Attic", "is_active": False}
    attic = data(await client.post(CATEGORIES, json=body, headers=staff), 201)
    await switch("kitchen", parent_id=attic["id"])
    assert await listed(client) == []
    await switch("kitchen", parent_id=None)
    assert await listed(client) == ["Clay pot"]
    below = data(await client.post(CATEGORIES, json={"name": "Box", "parent_id": attic["id"]}, headers=staff), 201)
    problem(await client.get(f"{CATEGORIES}/{below['slug']}"), 404, "not_found")


async def test_each_category_that_goes_on_or_off_sale_is_published(
    catalog: Service, shop: Shop, switch: Switch
) -> None:
    await switch("kitchen", is_active=False)
    await switch("pots", is_featured=True)
    created = {each.category_id: each.on_sale for each in await facts(catalog.database, CategoryCreated)}
    assert {UUID(shop[name]["id"]): True for name in LEVELS}.items() <= created.items()
    changed = [(each.slug, each.is_active, each.on_sale) for each in await facts(catalog.database, CategoryChanged)]
    assert changed == [("kitchen", False, False), ("pots", True, False), ("pots", True, False)]
    [product] = await facts(catalog.database, ProductCreated)
    assert str(product.category_id) == shop["pots"]["id"]


@pytest.mark.parametrize("unknown", ["nope", "0192f0c1-7a10-7b3e-9f52-6a1f0c9d2e11", "pots-2"])
async def test_a_filter_by_an_unknown_category_is_an_error(client: httpx.AsyncClient, shop: Shop, unknown: str) -> None:
    problem(await client.get(f"{PRODUCTS}?category={unknown}"), 422, "unknown_category", "category")
