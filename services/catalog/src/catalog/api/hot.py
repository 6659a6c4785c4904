"""The reads that most requests are for, ahead of the framework (see common.web.fast_path)."""

import re
from uuid import UUID

from fastapi import Request, Response

from catalog.api.inputs import KEY, key_of
from catalog.api.public import Page, private_answer
from catalog.api.shown import show_again
from catalog.queries.products import Document, find_products
from common.errors import NotFound
from common.persistence.batch_loader import BatchLoader
from common.persistence.reader import Reader
from common.security.tokens import Identity
from common.web.dependencies import MaybeAuthenticated
from common.web.fast_path import FastHandler

authenticated = MaybeAuthenticated()
plain = re.compile(KEY).match


class ProductFinder:
    """Products by id or slug, gathered: details are asked for one by one, by many at once."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._by_id: BatchLoader[UUID, Document] = BatchLoader(self._find)
        self._by_slug: BatchLoader[str, Document] = BatchLoader(self._find_by_slug)

    async def find(self, key: UUID | str) -> Document | None:
        return await (self._by_id.get(key) if isinstance(key, UUID) else self._by_slug.get(key))

    async def _find(self, keys: list[UUID]) -> dict[UUID, Document]:
        async with self._reader.read() as sql:
            return await find_products(sql, keys)

    async def _find_by_slug(self, keys: list[str]) -> dict[str, Document]:
        async with self._reader.read() as sql:
            return await find_products(sql, keys)


async def show_product(request: Request, key: str, caller: Identity | None) -> Response:
    """Raises NotFound, for customers also when the product is not active."""
    finder: ProductFinder = request.app.state.products
    product = await finder.find(key_of(key))
    if product is None or not (product.is_active or (caller is not None and caller.may("offer.manage"))):
        raise NotFound("There is no such product")
    data = product.data.encode()
    return Page.of(data).answer(request) if product.is_active else private_answer(data)


async def _product(request: Request, key: str) -> Response | None:
    if not plain(key):
        return None
    return await show_product(request, key, await authenticated(request))


async def _shown_before(request: Request, _: str) -> Response | None:
    await authenticated(request)
    return await show_again(request)


FAST_READS: dict[str, FastHandler] = {
    "/products": _shown_before,
    "/products/{key}": _product,
    "/categories": _shown_before,
    "/categories/tree": _shown_before,
}
