"""`ordering` by the fields of a list, and text in one form."""

import unicodedata

import pytest
from httpx import AsyncClient

from common.web.listing import Sorting

SORTING = Sorting({"created_at": "id", "price": "amount", "seen_at": "seen_at"}, nullable=("seen_at",))


@pytest.mark.parametrize(
    ("ordering", "terms"),
    [
        ("price", "amount, id"),
        ("-price", "amount DESC, id DESC"),
        ("created_at", "id"),
        ("-created_at", "id DESC"),
        ("-seen_at", "seen_at DESC NULLS LAST, id DESC"),
    ],
)
def test_equal_rows_are_in_the_order_of_their_ids(ordering: str, terms: str) -> None:
    assert SORTING.order_by(ordering) == terms


@pytest.mark.parametrize("wrong", ["nonsense", "amount", "--price", "-", "price,title", "PRICE", "id;DROP TABLE made"])
async def test_an_unknown_ordering_is_rejected_with_those_that_are_known(client: AsyncClient, wrong: str) -> None:
    answer = await client.get("/api/v1/periods", params={"ordering": wrong})
    assert answer.status_code == 422
    [problem] = answer.json()["errors"]
    assert problem["field"] == "ordering"
    for known in ("title", "-title", "price", "-price"):
        assert f"'{known}'" in problem["message"]


@pytest.mark.parametrize("text", ["Café", "Ünïted", "한글", "がぎ", "Å"])
async def test_what_is_asked_is_in_one_form_however_it_is_spelt(client: AsyncClient, text: str) -> None:
    for form in ("NFC", "NFD"):
        answer = await client.get("/api/v1/periods", params={"search": unicodedata.normalize(form, f" {text} ")})
        assert answer.json()["data"]["search"] == unicodedata.normalize("NFC", text)


async def test_the_length_of_a_text_is_counted_in_its_one_form(client: AsyncClient) -> None:
    decomposed = unicodedata.normalize("NFD", "é" * 100)
    assert (await client.get("/api/v1/periods", params={"search": decomposed})).status_code == 200
    assert (await client.get("/api/v1/periods", params={"search": "é" * 101})).status_code == 422
