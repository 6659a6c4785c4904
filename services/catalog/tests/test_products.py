from typing import Any

import httpx

from catalog.api.product_bodies import ProductView

from .conftest import MakeProduct, data

URL = "/api/v1/products"


async def test_a_new_product_has_a_slug_the_shops_currency_and_a_final_price(
    make_product: MakeProduct, category: dict[str, Any]
) -> None:
    product = await make_product(title="Café Boots — Größe 42", price={"amount": 99999}, discount_percent=15)
    assert product["slug"] == "cafe-boots-große-42".casefold()
    assert product["price"] == {"amount": 99999, "currency": "TZS"}
    assert product["final_price"] == {"amount": 84999, "currency": "TZS"}
    assert product["category"] == {"id": category["id"], "name": "Shoes", "slug": "shoes"}
    assert (product["in_stock"], product["images"], product["attributes"]) == (False, [], {})


async def test_the_rendered_json_is_what_openapi_promises(client: httpx.AsyncClient, make_product: MakeProduct) -> None:
    made = await make_product(attributes={"sizes": ["41", "42"], "wide": True}, sku="B-1", brand="Daybird")
    for answer in (data(await client.get(f"{URL}/{made['id']}")), data(await client.get(URL))[0]):
        assert answer == made
        assert set(answer) == set(ProductView.model_fields)
        assert ProductView.model_validate(answer).model_dump(mode="json") == answer


async def test_products_of_the_same_name_get_numbered_slugs(
    client: httpx.AsyncClient, make_product: MakeProduct
) -> None:
    slugs = [(await make_product(title="Boots"))["slug"] for _ in range(3)]
    assert slugs == ["boots", "boots-2", "boots-3"]
    assert data(await client.get(f"{URL}/boots-2"))["title"] == "Boots"
