"""The product reads that are answered ahead of the framework (see common.web.fast_path)."""

import re

from fastapi import Request, Response

from catalog.dependencies import may_manage
from catalog.errors import ProductNotFound
from catalog.fields import KEY, key_of
from catalog.http_cache import authenticate, private_response, public_response, respond_from_cache
from catalog.page_cache.usecases import CachedPage
from catalog.products.api.dependencies import ProductReads
from common.security.tokens import Identity
from common.web.fast_path import FastHandler

is_key = re.compile(KEY).match


async def product_response(request: Request, key: str, caller: Identity | None) -> Response:
    """Raises ProductNotFound, to customers also for a product that is not on sale."""
    reads: ProductReads = request.app.state.products
    product = await reads.loader.find(key_of(key))
    if product is None or not (product.on_sale or may_manage(caller)):
        raise ProductNotFound
    data = product.data.encode()
    return public_response(request, CachedPage.of(data)) if product.on_sale else private_response(data)


async def _get_product(request: Request, key: str) -> Response | None:
    if not is_key(key):
        return None
    return await product_response(request, key, await authenticate(request))


FAST_READS: dict[str, FastHandler] = {"/products": respond_from_cache, "/products/{key}": _get_product}
