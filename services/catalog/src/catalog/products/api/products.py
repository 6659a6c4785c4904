"""/products: public to read; staff change them."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from catalog.dependencies import DefaultCurrency, IncludeInactive, Merchandiser
from catalog.errors import ProductNotFound, SkuTaken, SlugTaken, UnknownCategory, UnknownCategoryFilter
from catalog.fields import ById, Key, key_of
from catalog.http_cache import CACHEABLE, cached_response, private_response
from catalog.products.api.bodies import NewProduct, ProductChange, ProductView
from catalog.products.api.dependencies import Products
from catalog.products.api.fast_path import product_response
from catalog.products.domain import ProductFields
from catalog.products.store.listing import SORTING, ProductFilter, list_products
from catalog.products.store.products import find_product
from catalog.products.usecases import change_product, create_product, delete_product
from common.errors import Invalid
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, MaybeCaller
from common.web.envelope import Envelope, created, ok
from common.web.listing import SearchText
from common.web.pagination import Page, page_meta

router = APIRouter(prefix="/products", tags=["products"])

WRITE_ERRORS = errors(SlugTaken, SkuTaken, UnknownCategory)

Amount = Annotated[int | None, Field(ge=0, description="minor units of the final price", examples=[100_000])]


class ListQuery(BaseModel):
    """Filters of the product list; prices are final prices in minor units."""

    category: Annotated[
        str | None, Field(description="id or slug; includes the categories below it", examples=["fabrics"])
    ] = None
    min_price: Amount = None
    max_price: Amount = None
    in_stock: bool | None = None
    is_featured: bool | None = None
    search: Annotated[SearchText | None, Field(description="beginnings of words", examples=["kanga"])] = None
    ordering: Annotated[str | None, SORTING, Field(description="newest first, or best match first in a search")] = None

    def filters(self, *, include_inactive: bool) -> ProductFilter:
        """Raises Invalid if no price can match."""
        if self.min_price is not None and self.max_price is not None and self.min_price > self.max_price:
            raise Invalid("min_price is above max_price", field="min_price")
        return ProductFilter(
            category=key_of(self.category) if self.category else None,
            min_price=self.min_price,
            max_price=self.max_price,
            in_stock=self.in_stock,
            is_featured=self.is_featured,
            search=self.search,
            include_inactive=include_inactive,
        )


@router.get(
    "",
    response_model=Envelope[list[ProductView]],
    responses=CACHEABLE | errors(UnknownCategoryFilter),
    summary="List products",
)
async def get_products(
    request: Request,
    query: Annotated[ListQuery, Query()],
    page: Page,
    products: Products,
    include_inactive: IncludeInactive,
) -> Response:
    filters = query.filters(include_inactive=include_inactive)

    async def render() -> tuple[bytes, Mapping[str, Any]]:
        async with products.list_reader.read() as sql:
            found = await list_products(sql, filters, query.ordering, page.limit, page.offset)
        return found.data.encode(), page_meta(request, page, found.total)

    return private_response(*await render()) if include_inactive else await cached_response(request, render)


@router.get("/{key}", response_model=Envelope[ProductView], responses=CACHEABLE, summary="One product")
async def get_product(request: Request, key: Key, caller: MaybeCaller) -> Response:
    """By id or slug. Only staff see a product that is inactive, or below an inactive category."""
    return await product_response(request, key, caller)


@router.post("", status_code=201, summary="Add a product", responses=WRITE_ERRORS)
async def post_product(
    body: NewProduct, _: Merchandiser, currency: DefaultCurrency, begin: Begin
) -> Envelope[ProductView]:
    async with begin() as tx:
        product = await create_product(tx, ProductFields(**body.values(currency)))
        return created(await _view(tx, product.id), "Product created")


@router.put("/{key}", summary="Replace a product", responses=WRITE_ERRORS)
async def put_product(
    product_id: ById, body: NewProduct, _: Merchandiser, currency: DefaultCurrency, begin: Begin
) -> Envelope[ProductView]:
    """Replaces all fields; without a slug the product keeps its slug."""
    values = body.values(currency)
    if body.slug is None:
        del values["slug"]
    return await _change(begin, product_id, values)


@router.patch("/{key}", summary="Change a product", responses=WRITE_ERRORS)
async def patch_product(
    product_id: ById, body: ProductChange, _: Merchandiser, currency: DefaultCurrency, begin: Begin
) -> Envelope[ProductView]:
    return await _change(begin, product_id, body.values(currency))


@router.delete("/{key}", status_code=204, summary="Take a product out of the offer")
async def remove_product(product_id: ById, _: Merchandiser, begin: Begin) -> None:
    """The product can no longer be ordered; existing orders are unaffected."""
    async with begin() as tx:
        await delete_product(tx, product_id)


async def _change(begin: Begin, product_id: UUID, values: dict[str, Any]) -> Envelope[ProductView]:
    async with begin() as tx:
        await change_product(tx, product_id, values)
        return ok(await _view(tx, product_id), "Product changed")


async def _view(tx: Transaction, product_id: UUID) -> ProductView:
    document = await find_product(tx.sql, product_id)
    if document is None:
        raise ProductNotFound
    return ProductView.model_validate_json(document.data)
