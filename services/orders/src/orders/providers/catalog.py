"""Asking catalog for products over HTTP: only for those whose events have not arrived."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import httpx
from pydantic import BaseModel, ValidationError

from common.errors import Unavailable
from common.money import Money
from orders.domain.lines import Price

AT_ONCE = 10


class _Product(BaseModel):
    id: UUID
    title: str
    final_price: Money
    is_active: bool = True


class _Answer(BaseModel):
    data: _Product


class Catalog:
    """`timeout` in seconds holds for all that is asked for at once."""

    def __init__(self, client: httpx.AsyncClient, url: str, timeout: float) -> None:
        self._client = client
        self._url = f"{url.rstrip('/')}/api/v1/products"
        self._timeout = timeout
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def prices_of(self, product_ids: Sequence[UUID]) -> list[Price]:
        """The products that catalog knows. Unavailable when it does not answer in time, or not as agreed."""
        try:
            async with asyncio.timeout(self._timeout):
                found = await asyncio.gather(*(self._price_of(product_id) for product_id in product_ids))
        except (TimeoutError, httpx.HTTPError, ValidationError) as error:
            raise Unavailable("A price cannot be looked up right now", code="orders.price_unavailable") from error
        return [price for price in found if price is not None]

    async def _price_of(self, product_id: UUID) -> Price | None:
        async with self._turns:
            answer = await self._client.get(f"{self._url}/{product_id}", timeout=self._timeout)
        if answer.status_code == 404:
            return None
        product = _Answer.model_validate_json(answer.raise_for_status().content).data
        return Price(product.id, product.title, product.final_price, product.is_active)
