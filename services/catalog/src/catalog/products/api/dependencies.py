"""What the routes that read products need."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from catalog.products.store.products import ProductLoader
from common.persistence.reader import Reader


@dataclass(frozen=True, slots=True)
class ProductReads:
    """`list_reader` plans each statement for its values: lists differ too much in their filters for one plan."""

    loader: ProductLoader
    list_reader: Reader


async def _reads(request: Request) -> ProductReads:
    reads: ProductReads = request.app.state.products
    return reads


Products = Annotated[ProductReads, Depends(_reads)]
