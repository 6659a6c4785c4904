"""Product details."""

import asyncio

import httpx
from services.catalog.tests.conftest import MakeProduct

from common.ids import new_id


async def test_concurrent_detail_requests_each_get_their_product(
    client: httpx.AsyncClient, make_product: MakeProduct
) -> None:
    made = [await make_product(title=f"Boots {n}") for n in range(5)]
    keys = [product[name] for product in made for name in ("id", "slug")] + [str(new_id()), "no-such-slug"]
    answers = await asyncio.gather(*(client.get(f"/api/v1/products/{key}") for key in keys))
    assert [a.json()["data"] for a in answers[:-2]] == [product for product in made for _ in range(2)]
    assert [answer.status_code for answer in answers[-2:]] == [404, 404]
