from pathlib import Path

import httpx
from services.catalog.tests.conftest import data
from services.catalog.tests.media.uploads import process_images

from catalog import sample_data
from common.contracts.catalog import ProductCreated
from common.testing import facts
from common.web.service import Service


async def test_loading_the_sample_data_twice_adds_it_once(
    catalog: Service, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    assert await sample_data.load(catalog.database, tmp_path) == 16
    assert await sample_data.load(catalog.database, tmp_path) == 0
    await process_images(catalog)
    products = data(await client.get("/api/v1/products"))
    assert len(products) == 16
    assert all(product["in_stock"] and len(product["images"]) == 1 for product in products)
    assert len(data(await client.get("/api/v1/categories/tree"))) == 5
    assert len(await facts(catalog.database, ProductCreated)) == 16
