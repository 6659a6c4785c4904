from typing import Any

import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem

from catalog.products.store import listing

URL = "/api/v1/products"


@pytest.fixture
async def shop(client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct) -> dict[str, Any]:
    """Categories by slug: home > kitchen > pots, and shoes; six products in them."""

    async def category(name: str, parent: str | None = None) -> str:
        body = {"name": name, "parent_id": parent}
        return str(data(await client.post("/api/v1/categories", json=body, headers=staff), 201)["id"])

    home = await category("Home")
    kitchen = await category("Kitchen", home)
    pots = await category("Pots", kitchen)
    await make_product(title="Hiking Boots", price={"amount": 9000}, stock=3, brand="Daybird", is_featured=True)
    await make_product(title="Rain boot", price={"amount": 8000}, discount_percent=50, description="for wet days")
    await make_product(title="T-Shirt 100% cotton", price={"amount": 2000}, stock=1)
    await make_product(title="Clay Pot", price={"amount": 3000}, category_id=pots, stock=9, sku="POT_9")
    await make_product(title="Spoon", price={"amount": 100}, category_id=kitchen)
    await make_product(title="मसाला डिब्बा", price={"amount": 700}, category_id=home)
    return {"home": home, "kitchen": kitchen, "pots": pots}


async def titles(client: httpx.AsyncClient, query: str) -> list[str]:
    return [product["title"] for product in data(await client.get(f"{URL}?{query}"))]


async def test_a_category_filter_includes_the_categories_below(client: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    order = "ordering=price&category="
    assert await titles(client, f"{order}home") == ["Spoon", "मसाला डिब्बा", "Clay Pot"]
    assert await titles(client, f"{order}{shop['kitchen']}") == ["Spoon", "Clay Pot"]
    assert await titles(client, f"{order}pots") == ["Clay Pot"]


async def test_filters_narrow_by_final_price_stock_and_feature(client: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    assert await titles(client, "min_price=3000&max_price=4000&ordering=-price") == ["Rain boot", "Clay Pot"]
    assert await titles(client, "in_stock=true&ordering=title") == ["Clay Pot", "Hiking Boots", "T-Shirt 100% cotton"]
    assert await titles(client, "in_stock=false&max_price=100") == ["Spoon"]
    assert await titles(client, "is_featured=true") == ["Hiking Boots"]
    problem(await client.get(f"{URL}?min_price=5&max_price=4"), 422, "invalid", "min_price")
    problem(await client.get(f"{URL}?ordering=sku"), 422, "invalid_choice", "ordering")


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("boot", {"Hiking Boots", "Rain boot"}),
        ("BOO hik", {"Hiking Boots"}),
        ("daybird", {"Hiking Boots"}),
        ("wet", {"Rain boot"}),
        ("t-shirt", {"T-Shirt 100% cotton"}),
        ("pot_9", {"Clay Pot"}),
        ("मसाला", {"मसाला डिब्बा"}),
        ("boot & !rain | (x:*", set()),
        ("'; DROP TABLE product; --", set()),
        ("%", set()),
        ("oots", set()),
    ],
)
async def test_search_matches_beginnings_of_words_and_has_no_operators(
    client: httpx.AsyncClient, shop: dict[str, Any], search: str, found: set[str]
) -> None:
    answer = await client.get(URL, params={"search": search})
    assert {product["title"] for product in data(answer)} == found


async def test_the_best_match_comes_first(client: httpx.AsyncClient, make_product: MakeProduct) -> None:
    await make_product(title="Coffee beans")
    await make_product(title="Mug", description="holds coffee")
    assert await titles(client, "search=coffee") == ["Coffee beans", "Mug"]


async def test_orderings_and_pages_cover_every_product_once(client: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    for ordering in ("price", "-price", "title", "created_at", "-created_at"):
        whole = await titles(client, f"ordering={ordering}")
        paged = [t for page in (1, 2, 3) for t in await titles(client, f"ordering={ordering}&page_size=2&page={page}")]
        assert paged == whole
        assert len(set(whole)) == 6
    assert (await titles(client, ""))[0] == "मसाला डिब्बा"
    meta = (await client.get(f"{URL}?page_size=4&page=2&in_stock=false")).json()["meta"]
    assert meta == {
        "page": 2,
        "page_size": 4,
        "total": 3,
        "next": None,
        "previous": "/api/v1/products?page_size=4&in_stock=false&page=1",
    }


async def test_the_total_is_correct_on_every_page(client: httpx.AsyncClient, shop: dict[str, Any]) -> None:
    for query, total in (
        ("page_size=4", 6),
        ("page_size=6", 6),
        ("page_size=10", 6),
        ("page_size=4&page=2", 6),
        ("page_size=4&page=9", 6),
        ("page_size=2&search=boot", 2),
        ("page_size=1&category=home", 3),
        ("page_size=1&category=pots", 1),
        ("page=3&category=pots&in_stock=false", 0),
        ("page_size=1&in_stock=true", 3),
        ("page_size=1&is_featured=false", 5),
        ("page_size=1&min_price=700&max_price=4000", 4),
    ):
        assert (await client.get(f"{URL}?{query}")).json()["meta"]["total"] == total, query


async def test_matches_beyond_the_ranked_ones_follow_by_age_and_appear_once(
    client: httpx.AsyncClient, make_product: MakeProduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_RANKED", 5)
    for number in range(8):
        # The even ones match worse.
        name = {"title": f"Tea {number}"} if number % 2 else {"title": f"Cup {number}", "description": "for tea"}
        await make_product(**name)
    pages = [await titles(client, f"search=tea&page_size=2&page={page}") for page in (1, 2, 3, 4)]
    assert pages == [["Tea 7", "Tea 5"], ["Cup 6", "Cup 4"], ["Tea 3", "Cup 2"], ["Tea 1", "Cup 0"]]
