"""Catalog's endpoints of products and their stock on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import uvicorn
from fastapi import FastAPI, HTTPException

from common.money import Money
from common.testing import eventually


@dataclass
class CatalogServer:
    """`requested` and `stock_requested` list the requests by product.

    A catalog that `hangs` accepts requests and does not respond.
    """

    url: str = ""
    prices: dict[UUID, Money] = field(default_factory=dict)
    stock: dict[UUID, int] = field(default_factory=dict)
    requested: list[UUID] = field(default_factory=list)
    stock_requested: list[UUID] = field(default_factory=list)
    hangs: bool = False

    async def product(self, product_id: UUID) -> dict[str, object]:
        self.requested.append(product_id)
        if self.hangs:
            await asyncio.Event().wait()
        if product_id not in self.prices:
            raise HTTPException(404)
        price = self.prices[product_id].model_dump()
        return {"status": "success", "data": {"id": product_id, "title": "Kikoi", "final_price": price}}

    async def stock_of(self, product_id: UUID) -> dict[str, object]:
        self.stock_requested.append(product_id)
        if self.hangs:
            await asyncio.Event().wait()
        if product_id not in self.stock:
            raise HTTPException(404)
        return {"status": "success", "data": {"product_id": product_id, "available": self.stock[product_id]}}


@asynccontextmanager
async def serving_catalog() -> AsyncIterator[CatalogServer]:
    catalog = CatalogServer()
    app = FastAPI()
    app.get("/api/v1/products/{product_id}")(catalog.product)
    app.get("/api/v1/products/{product_id}/stock")(catalog.stock_of)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", timeout_graceful_shutdown=1))
    running = asyncio.create_task(server.serve())

    async def started() -> bool:
        return server.started

    await eventually(started)
    catalog.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    yield catalog
    server.should_exit = True
    await running
