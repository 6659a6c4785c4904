"""The HTTP client of catalog, for products and stock whose events have not arrived."""

import asyncio
import logging
from collections.abc import Sequence
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from common.money import Money
from orders.errors import PriceUnavailable
from orders.prices.domain import Price

MAX_CONCURRENT_REQUESTS = 10

log = logging.getLogger(__name__)


class _Product(BaseModel):
    id: UUID
    title: str
    price: Money | None = None
    final_price: Money
    is_active: bool = True
    category_id: UUID | None = None


class _ProductEnvelope(BaseModel):
    data: _Product


class _Stock(BaseModel):
    available: int


class _StockEnvelope(BaseModel):
    data: _Stock


class CatalogClient:
    """`timeout` is in seconds and limits a whole call of `prices_of` or `levels_of`."""

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

    async def levels_of(self, product_ids: Sequence[UUID]) -> dict[UUID, int]:
        """The units of each product that can be sold, 0 for one that is not on sale; those that catalog told in time.

        A cart does without: the checkout reserves stock in any case.
        """
        levels: dict[UUID, int] = {}
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.gather(*(self._level_of(product_id, levels) for product_id in product_ids))
        except (TimeoutError, httpx.HTTPError, ValidationError) as error:
            log.warning("catalog told the stock of %d of %d products: %r", len(levels), len(product_ids), error)
        return levels

    async def _price_of(self, product_id: UUID) -> Price | None:
        content = await self._get(f"{self._url}/{product_id}")
        if content is None:
            return None
        product = _ProductEnvelope.model_validate_json(content).data
        return Price(
            product.id, product.title, product.final_price, product.is_active, product.price, product.category_id
        )

    async def _level_of(self, product_id: UUID, levels: dict[UUID, int]) -> None:
        content = await self._get(f"{self._url}/{product_id}/stock")
        levels[product_id] = _StockEnvelope.model_validate_json(content).data.available if content is not None else 0

    async def _get(self, url: str) -> bytes | None:
        """The content; None for 404."""
        async with self._slots:
            response = await self._client.get(url, timeout=self._timeout)
        return None if response.status_code == 404 else response.raise_for_status().content
