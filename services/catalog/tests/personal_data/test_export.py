"""People see what catalog keeps about them."""

from io import BytesIO
from typing import Any

import httpx
from PIL import Image
from services.catalog.tests.conftest import MakeProduct, data

from common.contracts.catalog import CatalogDataGathered
from common.ids import new_id
from common.testing import TestIssuer, exported_data
from common.web.service import Service


def picture() -> bytes:
    made = BytesIO()
    Image.new("RGB", (40, 30), "teal").save(made, "PNG")
    return made.getvalue()


async def test_an_export_holds_the_pictures_and_adjustments_of_that_person_alone(
    catalog: Service, client: httpx.AsyncClient, tokens: TestIssuer, make_product: MakeProduct
) -> None:
    clerk_id = new_id()
    clerk = tokens.bearer(clerk_id, ["staff"])
    product = await make_product(stock=5)
    path = f"/api/v1/products/{product['id']}"
    adjustment = {"delta": 7, "reason": "received", "note": "Friday's lorry"}
    data(await client.post(f"{path}/stock", json=adjustment, headers=clerk))
    file: Any = {"file": ("mug.png", picture(), "image/png")}
    uploaded = data(await client.post(f"{path}/images", files=file, headers=clerk), 201)
    kept = await exported_data(catalog, clerk_id, CatalogDataGathered)
    assert [(found["id"], found["content_type"]) for found in kept["pictures"]] == [(uploaded["id"], "image/png")]
    [own] = kept["stock_adjustments"]
    assert (own["product_id"], own["delta"], own["note"]) == (product["id"], 7, "Friday's lorry")
    stranger = await exported_data(catalog, new_id(), CatalogDataGathered)
    assert stranger == {"pictures": [], "stock_adjustments": [], "cut": []}
