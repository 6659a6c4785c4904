import asyncio
from typing import Any

import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem, product_id

from catalog.products.api.bodies import ProductView
from common.contracts.catalog import ProductChanged, ProductCreated, ProductDeleted
from common.ids import new_id
from common.money import Money
from common.testing import TestIssuer, facts
from common.web.service import Service

URL = "/api/v1/products"


async def test_a_new_product_has_a_slug_the_default_currency_and_a_final_price(
    make_product: MakeProduct, category: dict[str, Any]
) -> None:
    product = await make_product(title="Café Boots — Größe 42", price={"amount": 99999}, discount_percent=15)
    assert product["slug"] == "cafe-boots-große-42".casefold()
    assert product["price"] == {"amount": 99999, "currency": "TZS"}
    assert product["final_price"] == {"amount": 84999, "currency": "TZS"}
    assert product["category"] == {"id": category["id"], "name": "Shoes", "slug": "shoes"}
    assert (product["in_stock"], product["images"], product["attributes"]) == (False, [], {})


@pytest.mark.parametrize("currency", ["XXQ", "NET", "XXX", "tzs", "TZSX", ""])
async def test_a_price_in_a_currency_that_does_not_exist_is_rejected(
    client: httpx.AsyncClient, staff: dict[str, str], category: dict[str, Any], currency: str
) -> None:
    body = {"title": "Boots", "category_id": category["id"], "price": {"amount": 1, "currency": currency}}
    problem(await client.post(URL, json=body, headers=staff), 422, "unknown_currency", "price.currency")


async def test_the_highest_documented_price_is_accepted(make_product: MakeProduct) -> None:
    price = {"amount": 10**13, "currency": "TZS"}
    assert (await make_product(price=price))["final_price"] == price


async def test_the_rendered_json_matches_the_documented_schema(
    client: httpx.AsyncClient, make_product: MakeProduct
) -> None:
    made = await make_product(attributes={"sizes": ["41", "42"], "wide": True}, sku="B-1", brand="Daybird")
    for answer in (data(await client.get(f"{URL}/{made['id']}")), data(await client.get(URL))[0]):
        assert answer == made
        assert set(answer) == set(ProductView.model_fields)
        assert ProductView.model_validate(answer).model_dump(mode="json") == answer


async def test_products_with_the_same_title_get_numbered_slugs_even_concurrently(
    client: httpx.AsyncClient, make_product: MakeProduct
) -> None:
    made = await asyncio.gather(*(make_product(title="Boots") for _ in range(5)))
    assert sorted(product["slug"] for product in made) == ["boots", "boots-2", "boots-3", "boots-4", "boots-5"]
    assert data(await client.get(f"{URL}/boots-2"))["title"] == "Boots"


async def test_errors_name_the_field_of_the_product(
    client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct, category: dict[str, Any]
) -> None:
    await make_product(sku="B-1", slug="my-boots")
    body = {"title": "Boots", "category_id": category["id"], "price": {"amount": 100}}
    wrong: list[tuple[dict[str, Any], int, str, str]] = [
        ({"sku": "B-1"}, 409, "sku_taken", "sku"),
        ({"slug": "my-boots"}, 409, "slug_taken", "slug"),
        ({"slug": "My Boots!"}, 422, "invalid_value", "slug"),
        ({"category_id": str(new_id())}, 422, "unknown_category", "category_id"),
        ({"discount_percent": 101}, 422, "too_large", "discount_percent"),
        ({"price": {"amount": -1}}, 422, "too_small", "price.amount"),
        ({"price": {"amount": 1.5}}, 422, "wrong_type", "price.amount"),
        ({"price": {"amount": 1, "currency": "tzs"}}, 422, "unknown_currency", "price.currency"),
        ({"title": "  "}, 422, "too_short", "title"),
        ({"final_price": {"amount": 1}}, 422, "unknown_field", "final_price"),
    ]
    for change, status, code, field in wrong:
        problem(await client.post(URL, json=body | change, headers=staff), status, code, field)


async def test_only_staff_write(client: httpx.AsyncClient, tokens: TestIssuer, make_product: MakeProduct) -> None:
    path = f"{URL}/{(await make_product())['id']}"
    customer = tokens.bearer()
    for method, url, body in (
        ("POST", URL, {}),
        ("PATCH", path, {}),
        ("PUT", path, {}),
        ("DELETE", path, None),
        ("POST", f"{path}/stock", {}),
        ("POST", f"{path}/images", None),
        ("POST", f"{URL}/import", {}),
        ("POST", "/api/v1/categories", {}),
    ):
        assert (await client.request(method, url, json=body)).status_code == 401, (method, url)
        assert (await client.request(method, url, json=body, headers=customer)).status_code == 403, (method, url)


async def test_a_change_publishes_the_whole_state_and_an_empty_change_publishes_nothing(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    path = f"{URL}/{(await make_product(sku='B-1', price={'amount': 1000}))['id']}"
    changed = data(await client.patch(path, json={"discount_percent": 50, "sku": None}, headers=staff))
    assert (changed["final_price"]["amount"], changed["sku"], changed["slug"]) == (500, None, "boots")
    data(await client.patch(path, json={"discount_percent": 50}, headers=staff))
    [created] = await facts(catalog.database, ProductCreated)
    [event] = await facts(catalog.database, ProductChanged)
    assert (created.sku, created.final_price.amount) == ("B-1", 1000)
    assert event.final_price == Money(amount=500, currency="TZS")
    problem(await client.patch(path, json={"title": None}, headers=staff), 422, "invalid_value", "title")


async def test_put_replaces_every_field_but_the_slug(
    client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct, category: dict[str, Any]
) -> None:
    made = await make_product(brand="Daybird", description="Warm", is_featured=True)
    body = {"title": "Shoes", "category_id": category["id"], "price": {"amount": 5, "currency": "USD"}}
    put = data(await client.put(f"{URL}/{made['id']}", json=body, headers=staff))
    assert (put["slug"], put["title"], put["brand"], put["description"]) == ("boots", "Shoes", None, "")
    assert (put["is_featured"], put["price"]["currency"]) == (False, "USD")


async def test_a_deleted_product_is_not_found_and_frees_its_slug_and_sku(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    first = await make_product(sku="B-1")
    path = f"{URL}/{first['id']}"
    assert (await client.delete(path, headers=staff)).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await client.request(method, path, headers=staff)).status_code == 404
    assert (await client.get(f"{path}/stock")).status_code == 404
    assert data(await client.get(URL)) == []
    assert [fact.product_id for fact in await facts(catalog.database, ProductDeleted)] == [product_id(first)]
    again = await make_product(sku="B-1")
    assert (again["slug"], again["id"] != first["id"]) == ("boots", True)


async def test_only_staff_see_inactive_products(
    client: httpx.AsyncClient, staff: dict[str, str], tokens: TestIssuer, make_product: MakeProduct
) -> None:
    hidden = await make_product(is_active=False)
    assert data(await client.get(URL)) == []
    assert (await client.get(f"{URL}/{hidden['id']}", headers=tokens.bearer())).status_code == 404
    for path in (f"{URL}/{hidden['slug']}", f"{URL}?include_inactive=true"):
        seen = await client.get(path, headers=staff)
        assert hidden["id"] in seen.text
        assert seen.headers["cache-control"] == "private, no-store"
    assert (await client.get(f"{URL}?include_inactive=true")).status_code == 401


async def test_public_responses_are_cacheable_and_can_be_revalidated(
    client: httpx.AsyncClient, staff: dict[str, str], make_product: MakeProduct
) -> None:
    path = f"{URL}/{(await make_product())['id']}"
    for url in (URL, path, "/api/v1/categories/tree", "/api/v1/categories/shoes"):
        first = await client.get(url)
        assert first.headers["cache-control"] == "public, max-age=5"
        again = await client.get(url, headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
    before = (await client.get(path)).headers["etag"]
    data(await client.post(f"{path}/stock", json={"delta": 1, "reason": "received"}, headers=staff))
    after = await client.get(path, headers={"If-None-Match": before})
    assert (after.status_code, after.json()["data"]["in_stock"]) == (200, True)
