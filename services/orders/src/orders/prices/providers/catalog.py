"""The HTTP client of catalog, for products whose events have not arrived."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from common.money import Money
from orders.errors import PriceUnavailable
from orders.prices.domain import Price

MAX_CONCURRENT_REQUESTS = 10


class _Product(BaseModel):
    id: UUID
    title: str
    final_price: Money
    is_active: bool = True


class _ProductEnvelope(BaseModel):
    data: _Product


class CatalogClient:
    """`timeout` is in seconds and limits a whole call of `prices_of`."""

    def __init__(self, client: httpx.AsyncClient, url: str, timeout: float) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/api/v1/products"
        self._timeout = timeout
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)

    async def prices_of(self, product_ids: Sequence[UUID]) -> list[Price]:
        """The prices of the products that catalog has.

        Raises PriceUnavailable if catalog does not answer in time, or answers something else than a product.
        """
        try:
            async with asyncio.timeout(self._timeout):
                prices = await asyncio.gather(*(self._price_of(product_id) for product_id in product_ids))
        except (TimeoutError, httpx.HTTPError, ValidationError) as error:
            raise PriceUnavailable from error
        return [price for price in prices if price is not None]

    async def _price_of(self, product_id: UUID) -> Price | None:
        async with self._slots:
            response = await self._client.get(f"{self._url}/{product_id}", timeout=self._timeout)
        if response.status_code == 404:
            return None
        product = _ProductEnvelope.model_validate_json(response.raise_for_status().content).data
        return Price(product.id, product.title, product.final_price, product.is_active)
