"""/products: what the shop offers."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from catalog.api import refused
from catalog.api.hot import show_product
from catalog.api.inputs import ById, IncludeInactive, Key, key_of
from catalog.api.product_bodies import NewProduct, ProductChange, ProductView
from catalog.api.public import CACHEABLE, private_answer
from catalog.api.reading import Search
from catalog.api.shown import show
from catalog.domain.offers import Offer
from catalog.queries.product_filter import Ordering, ProductFilter
from catalog.queries.products import find_product, list_products
from catalog.usecases.change_product import change_product, delete_product
from catalog.usecases.create_product import create_product
from common.errors import Invalid, NotFound
from common.persistence.transaction import Transaction
from common.security.tokens import Identity
from common.web.dependencies import Begin, MaybeCaller, may
from common.web.envelope import Envelope, created, ok
from common.web.pagination import Page, page_meta

router = APIRouter(prefix="/products", tags=["products"])

Merchandiser = Annotated[Identity, may("offer.manage")]

Amount = Annotated[int | None, Field(ge=0, description="minor units of the final price")]


class ListQuery(BaseModel):
    """Which products to list; prices are final prices in minor units."""

    category: Annotated[str | None, Field(description="id or slug; what stands below it is included")] = None
    min_price: Amount = None
    max_price: Amount = None
    in_stock: bool | None = None
    is_featured: bool | None = None
    search: Annotated[str | None, Field(max_length=100, description="beginnings of words")] = None
    ordering: Annotated[Ordering | None, Field(description="newest first, or best match first in a search")] = None

    def wanted(self, *, include_inactive: bool) -> ProductFilter:
        """Raises Invalid when the prices exclude each other."""
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


@router.get("", response_model=Envelope[list[ProductView]], responses=CACHEABLE, summary="List products")
async def get_products(
    request: Request,
    query: Annotated[ListQuery, Query()],
    page: Page,
    search: Search,
    include_inactive: IncludeInactive,
) -> Response:
    wanted = query.wanted(include_inactive=include_inactive)

    async def listing() -> tuple[bytes, dict[str, Any]]:
        async with search() as sql:
            found = await list_products(sql, wanted, query.ordering, page.limit, page.offset)
        return found.data.encode(), page_meta(request, page, found.total)

    return private_answer(*await listing()) if include_inactive else await show(request, listing)


@router.get("/{key}", response_model=Envelope[ProductView], responses=CACHEABLE, summary="One product")
async def get_product(request: Request, key: Key, caller: MaybeCaller) -> Response:
    """By id or slug. One that is not active is there for staff only."""
    return await show_product(request, key, caller)


@router.post("", status_code=201, summary="Add a product", responses=refused.PRODUCT)
async def post_product(request: Request, body: NewProduct, _: Merchandiser, begin: Begin) -> Envelope[ProductView]:
    async with begin() as tx:
        product = await create_product(tx, Offer(**body.values(request.app.state.currency)))
        return created(await _view(tx, product.id), "Product created")


@router.put("/{key}", summary="Replace a product", responses=refused.PRODUCT)
async def put_product(
    request: Request, product_id: ById, body: NewProduct, _: Merchandiser, begin: Begin
) -> Envelope[ProductView]:
    """Replaces everything; without a slug the product keeps the one it has."""
    values = body.values(request.app.state.currency)
    if body.slug is None:
        del values["slug"]
    async with begin() as tx:
        await change_product(tx, product_id, values)
        return ok(await _view(tx, product_id), "Product changed")


@router.patch("/{key}", summary="Change a product", responses=refused.PRODUCT)
async def patch_product(
    request: Request, product_id: ById, body: ProductChange, _: Merchandiser, begin: Begin
) -> Envelope[ProductView]:
    async with begin() as tx:
        await change_product(tx, product_id, body.values(request.app.state.currency))
        return ok(await _view(tx, product_id), "Product changed")


@router.delete("/{key}", status_code=204, summary="Take a product out of the offer")
async def remove_product(product_id: ById, _: Merchandiser, begin: Begin) -> None:
    """The product leaves the offer; orders that hold it are unaffected."""
    async with begin() as tx:
        await delete_product(tx, product_id)


async def _view(tx: Transaction, product_id: UUID) -> ProductView:
    document = await find_product(tx.sql, product_id)
    if document is None:
        raise NotFound("There is no such product")
    return ProductView.model_validate_json(document.data)
