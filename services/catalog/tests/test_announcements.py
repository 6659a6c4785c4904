"""Whatever changes what the public pages show is announced, so that caches can forget them."""

from io import BytesIO
from typing import Any
from uuid import UUID

import httpx
from PIL import Image

from catalog.usecases.process_images import claim_images, finish_image
from common import clock
from common.contracts.catalog import (
    AvailabilityChanged,
    CategoryChanged,
    CategoryCreated,
    CategoryDeleted,
    ProductImagesChanged,
)
from common.contracts.orders import OrderLine, OrderPlaced
from common.ids import new_id
from common.money import Money
from common.testing import deliver, facts
from common.web.service import Service

from .conftest import MakeProduct, data, product_id

PRICE = Money(amount=100, currency="TZS")


def an_order_of(product: UUID, quantity: int) -> OrderPlaced:
    line = OrderLine(product_id=product, title="x", quantity=quantity, unit_price=PRICE)
    return OrderPlaced(
        order_id=new_id(), number="DK-1", customer_id=new_id(), lines=(line,), total=PRICE, provider="sandbox"
    )


async def test_categories_say_when_they_come_change_and_go(
    client: httpx.AsyncClient, catalog: Service, staff: dict[str, str], category: dict[str, Any]
) -> None:
    url, known = f"/api/v1/categories/{category['id']}", UUID(category["id"])
    data(await client.patch(url, json={"name": "Footwear", "is_featured": True}, headers=staff))
    assert (await client.delete(url, headers=staff)).status_code == 204
    [created] = await facts(catalog.database, CategoryCreated)
    assert (created.category_id, created.name, created.slug) == (known, "Shoes", "shoes")
    [changed] = await facts(catalog.database, CategoryChanged)
    assert (changed.category_id, changed.name, changed.is_featured) == (known, "Footwear", True)
    assert [fact.category_id for fact in await facts(catalog.database, CategoryDeleted)] == [known]


async def test_a_shelf_that_runs_dry_or_fills_again_is_announced_and_nothing_between(
    client: httpx.AsyncClient, catalog: Service, make_product: MakeProduct, staff: dict[str, str]
) -> None:
    product = await make_product(stock=5)
    await deliver(catalog, an_order_of(product_id(product), 2))
    await deliver(catalog, an_order_of(product_id(product), 3))
    adjustment = {"delta": 4, "reason": "received"}
    data(await client.post(f"/api/v1/products/{product['id']}/stock", json=adjustment, headers=staff))
    changes = await facts(catalog.database, AvailabilityChanged)
    assert [(fact.product_id, fact.in_stock) for fact in changes] == [
        (product_id(product), True),
        (product_id(product), False),
        (product_id(product), True),
    ]


async def test_a_product_says_when_it_shows_other_images(
    client: httpx.AsyncClient, catalog: Service, make_product: MakeProduct, staff: dict[str, str]
) -> None:
    product = await make_product()
    picture = BytesIO()
    Image.new("RGB", (8, 8)).save(picture, "PNG")
    url = f"/api/v1/products/{product['id']}/images"
    media = data(await client.post(url, files={"file": ("x.png", picture.getvalue(), "image/png")}, headers=staff), 201)
    assert await facts(catalog.database, ProductImagesChanged) == []
    async with catalog.database.begin() as tx:
        [claim] = await claim_images(tx, clock.now(), 5)
        await finish_image(tx, claim.media_id, 8, 8)
    assert (await client.delete(f"{url}/{media['id']}", headers=staff)).status_code == 204
    changed = await facts(catalog.database, ProductImagesChanged)
    assert [fact.product_id for fact in changed] == [product_id(product)] * 2
