"""The data export."""

from typing import Any

import httpx
from services.catalog.tests.conftest import MakeProduct, data
from services.catalog.tests.media.uploads import image_file

from common.contracts.catalog import CatalogDataGathered
from common.ids import new_id
from common.testing import TestIssuer, exported_data
from common.web.service import Service


async def test_an_export_contains_the_pictures_and_adjustments_of_that_person_only(
    catalog: Service, client: httpx.AsyncClient, tokens: TestIssuer, make_product: MakeProduct
) -> None:
    clerk_id = new_id()
    clerk = tokens.bearer(clerk_id, ["staff"])
    product = await make_product(stock=5)
    path = f"/api/v1/products/{product['id']}"
    adjustment = {"delta": 7, "reason": "received", "note": "Friday's lorry"}
    data(await client.post(f"{path}/stock", json=adjustment, headers=clerk))
    file: Any = {"file": ("mug.png", image_file((40, 30), kind="PNG"), "image/png")}
    uploaded = data(await client.post(f"{path}/images", files=file, headers=clerk), 201)
    exported = await exported_data(catalog, clerk_id, CatalogDataGathered)
    assert [(found["id"], found["content_type"]) for found in exported["pictures"]] == [(uploaded["id"], "image/png")]
    [own] = exported["stock_adjustments"]
    assert (own["product_id"], own["delta"], own["note"]) == (product["id"], 7, "Friday's lorry")
    imported = {"file": ("pots.csv", b"sku,title,price\nA,Pot,1\n")}
    data(await client.post("/api/v1/products/import", files=imported, headers=clerk), 202)
    exported = await exported_data(catalog, clerk_id, CatalogDataGathered)
    assert [found["file_name"] for found in exported["product_imports"]] == ["pots.csv"]
    other = await exported_data(catalog, new_id(), CatalogDataGathered)
    assert other == {"pictures": [], "stock_adjustments": [], "product_imports": [], "cut": []}
