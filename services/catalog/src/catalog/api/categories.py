"""/categories: the tree, for everyone to read and for staff to change."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, HttpUrl, StrictBool

from catalog.api import refused
from catalog.api.inputs import ById, Change, IncludeInactive, Key, Name, Slug, key_of
from catalog.api.public import CACHEABLE, Page, private_answer
from catalog.api.reading import Read
from catalog.api.shown import show
from catalog.domain.offers import Shelving
from catalog.queries.categories import category_tree, find_category, list_categories
from catalog.usecases.change_category import change_category, delete_category
from catalog.usecases.create_category import create_category
from common.errors import NotFound
from common.persistence.transaction import Transaction
from common.security.tokens import Identity
from common.web.dependencies import Begin, MaybeCaller, may
from common.web.envelope import Envelope, created, ok
from common.web.pagination import Page as Paging
from common.web.pagination import page_meta

router = APIRouter(prefix="/categories", tags=["categories"])

Merchandiser = Annotated[Identity, may("offer.manage")]


class CategoryView(BaseModel):
    """`path` are the slugs from the root down to this category."""

    id: UUID
    name: str
    slug: str
    parent_id: UUID | None
    path: list[str]
    banner_url: str | None
    is_active: bool
    is_featured: bool


class CategoryBranch(CategoryView):
    children: list["CategoryBranch"]


class NewCategory(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Name
    slug: Slug | None = None
    parent_id: UUID | None = None
    banner_url: HttpUrl | None = None
    is_active: StrictBool = True
    is_featured: StrictBool = False


class CategoryChange(Change):
    """Only what is given changes; `parent_id: null` moves the category to the root."""

    clearable = frozenset({"parent_id", "banner_url"})

    name: Name | None = None
    slug: Slug | None = None
    parent_id: UUID | None = None
    banner_url: HttpUrl | None = None
    is_active: StrictBool | None = None
    is_featured: StrictBool | None = None


@router.get("", response_model=Envelope[list[CategoryView]], responses=CACHEABLE, summary="List categories")
async def get_categories(
    request: Request,
    page: Paging,
    read: Read,
    *,
    include_inactive: IncludeInactive,
    parent_id: UUID | None = None,
    is_featured: bool | None = None,
    search: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    async def listing() -> tuple[bytes, dict[str, Any]]:
        async with read() as sql:
            rows, total = await list_categories(
                sql,
                limit=page.limit,
                offset=page.offset,
                include_inactive=include_inactive,
                parent_id=parent_id,
                is_featured=is_featured,
                search=search,
            )
        return _json(rows), page_meta(request, page, total)

    return private_answer(*await listing()) if include_inactive else await show(request, listing)


@router.get(
    "/tree", response_model=Envelope[list[CategoryBranch]], responses=CACHEABLE, summary="All categories as a tree"
)
async def get_category_tree(request: Request, read: Read) -> Response:
    async def tree() -> tuple[bytes]:
        async with read() as sql:
            return (_json(await category_tree(sql)),)

    return await show(request, tree)


@router.get("/{key}", response_model=Envelope[CategoryView], responses=CACHEABLE, summary="One category")
async def get_category(request: Request, key: Key, caller: MaybeCaller, read: Read) -> Response:
    """By id or slug. One that is not active is there for staff only."""
    is_staff = caller is not None and caller.may("offer.manage")
    async with read() as sql:
        category = await find_category(sql, key_of(key))
    if category is None or not (category["is_active"] or is_staff):
        raise NotFound("There is no such category")
    data = _json(category)
    return Page.of(data).answer(request) if category["is_active"] else private_answer(data)


@router.get(
    "/{category_id}/children",
    response_model=Envelope[list[CategoryView]],
    responses=CACHEABLE,
    summary="Categories right below one",
)
async def get_children(
    request: Request, category_id: UUID, page: Paging, read: Read, include_inactive: IncludeInactive
) -> Response:
    async with read() as sql:
        if await find_category(sql, category_id) is None:
            raise NotFound("There is no such category")
        rows, total = await list_categories(
            sql, limit=page.limit, offset=page.offset, include_inactive=include_inactive, parent_id=category_id
        )
    data, meta = _json(rows), page_meta(request, page, total)
    return private_answer(data, meta) if include_inactive else Page.of(data, meta).answer(request)


@router.post("", status_code=201, summary="Add a category", responses=refused.CATEGORY)
async def post_category(body: NewCategory, _: Merchandiser, begin: Begin) -> Envelope[CategoryView]:
    async with begin() as tx:
        category = await create_category(tx, Shelving(**_values(body)))
        return created(await _view(tx, category.id), "Category created")


@router.put("/{key}", summary="Replace a category", responses=refused.CATEGORY)
async def put_category(category_id: ById, body: NewCategory, _: Merchandiser, begin: Begin) -> Envelope[CategoryView]:
    """Replaces everything; without a slug the category keeps the one it has."""
    values = _values(body)
    if body.slug is None:
        del values["slug"]
    async with begin() as tx:
        await change_category(tx, category_id, values)
        return ok(await _view(tx, category_id), "Category changed")


@router.patch("/{key}", summary="Change a category", responses=refused.CATEGORY)
async def patch_category(
    category_id: ById, body: CategoryChange, _: Merchandiser, begin: Begin
) -> Envelope[CategoryView]:
    async with begin() as tx:
        await change_category(tx, category_id, _values(body, exclude_unset=True))
        return ok(await _view(tx, category_id), "Category changed")


@router.delete("/{key}", status_code=204, summary="Delete a category", responses=refused.DELETING_CATEGORY)
async def remove_category(category_id: ById, _: Merchandiser, begin: Begin) -> None:
    """409 while it has children or products."""
    async with begin() as tx:
        await delete_category(tx, category_id)


async def _view(tx: Transaction, category_id: UUID) -> CategoryView:
    await tx.flush()
    return CategoryView.model_validate(await find_category(tx.sql, category_id))


def _values(body: BaseModel, *, exclude_unset: bool = False) -> dict[str, Any]:
    values = body.model_dump(exclude_unset=exclude_unset)
    if values.get("banner_url") is not None:
        values["banner_url"] = str(values["banner_url"])
    return values


def _json(rows: object) -> bytes:
    return orjson.dumps(rows, default=str)
