"""Text of products is stored and found in one form, without regard to accents."""

import unicodedata
from typing import Literal

import httpx
import pytest
from services.catalog.tests.conftest import MakeProduct, data, problem

URL = "/api/v1/products"
SPELLINGS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")


@pytest.mark.parametrize("text", ["Kahawa é", "Ünïted Wåx", "한글 찻잔", "カップ が"])
async def test_a_product_is_stored_in_one_form_and_found_by_its_slug_in_any(
    client: httpx.AsyncClient, make_product: MakeProduct, text: str
) -> None:
    made = await make_product(
        title=unicodedata.normalize("NFD", text),
        brand=unicodedata.normalize("NFD", text),
        description=unicodedata.normalize("NFD", text),
        attributes={unicodedata.normalize("NFD", text): [unicodedata.normalize("NFD", text)]},
    )
    whole = unicodedata.normalize("NFC", text)
    assert (made["title"], made["brand"], made["description"]) == (whole, whole, whole)
    assert made["attributes"] == {whole: [whole]}
    for form in SPELLINGS:
        found = await client.get(f"{URL}/{unicodedata.normalize(form, made['slug'])}")
        assert data(found)["id"] == made["id"]
        listed = await client.get(URL, params={"search": unicodedata.normalize(form, text)})
        assert [each["id"] for each in data(listed)] == [made["id"]]


async def test_two_spellings_of_a_sku_are_one_sku(
    client: httpx.AsyncClient, make_product: MakeProduct, staff: dict[str, str]
) -> None:
    first = await make_product(title="Cup", sku="CAFÉ-1")
    body = {"title": "Mug", "sku": "CAFE\u0301-1", "category_id": first["category_id"], "price": {"amount": 1}}
    problem(await client.post(URL, json=body, headers=staff), 409, "sku_taken", "sku")


@pytest.mark.parametrize("asked", ["kahawa e", "KAHAWA É", "kahawa e\u0301", "é kaha"])
async def test_search_ignores_accents_and_case(
    client: httpx.AsyncClient, make_product: MakeProduct, asked: str
) -> None:
    await make_product(title="Kahawa é")
    await make_product(title="Chai")
    listed = await client.get(URL, params={"search": asked})
    assert [each["title"] for each in data(listed)] == ["Kahawa é"]
