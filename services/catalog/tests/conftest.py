"""A catalog on a fresh database, with a client, and helpers that fill it over HTTP."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from catalog.app import build
from catalog.settings import Settings
from common.testing import TestIssuer
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.service import Service

MakeProduct = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def catalog(fresh_database: FreshDatabase, tmp_path: Path) -> Service:
    database = await fresh_database("catalog")
    return build(Settings(database_url=database.url, data_dir=str(tmp_path)))


@pytest.fixture
async def client(catalog: Service, client_for: ClientFor) -> httpx.AsyncClient:
    return await client_for(catalog)


@pytest.fixture
def staff(tokens: TestIssuer) -> dict[str, str]:
    return tokens.bearer(roles=["staff"])


@pytest.fixture
async def category(client: httpx.AsyncClient, staff: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = data(await client.post("/api/v1/categories", json={"name": "Shoes"}, headers=staff), 201)
    return made


@pytest.fixture
def make_product(client: httpx.AsyncClient, staff: dict[str, str], category: dict[str, Any]) -> MakeProduct:
    """`await make_product(title=…, stock=50)`: a product of the shoes category, with that much stock."""

    async def make(stock: int = 0, **fields: Any) -> dict[str, Any]:
        body = {"title": "Boots", "category_id": category["id"], "price": {"amount": 250000}} | fields
        product: dict[str, Any] = data(await client.post("/api/v1/products", json=body, headers=staff), 201)
        if stock:
            adjustment = {"delta": stock, "reason": "received"}
            path = f"/api/v1/products/{product['id']}/stock"
            data(await client.post(path, json=adjustment, headers=staff), 200)
        return product

    return make


def data(response: httpx.Response, status: int = 200) -> Any:
    """The data of a response with the expected status."""
    assert response.status_code == status, response.text
    return response.json()["data"]


def problem(response: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """The first problem of an error response with the expected status, code and field."""
    assert response.status_code == status, response.text
    first: dict[str, Any] = response.json()["errors"][0]
    assert (first["code"], first["field"]) == (code, field)
    return first


def product_id(product: dict[str, Any]) -> UUID:
    return UUID(product["id"])
