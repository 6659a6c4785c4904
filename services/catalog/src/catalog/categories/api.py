"""/categories: the tree, public to read; staff change it."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, HttpUrl, StrictBool

from catalog.categories.domain import CategoryFields
from catalog.categories.store import SORTING, category_tree, find_category, list_categories
from catalog.categories.usecases import change_category, create_category, delete_category
from catalog.dependencies import IncludeInactive, Merchandiser, Read, may_manage
from catalog.errors import (
    CategoryCycle,
    CategoryNameTaken,
    CategoryNotEmpty,
    CategoryNotFound,
    SlugTaken,
    TreeTooDeep,
    UnknownParent,
)
from catalog.fields import ById, CategoryName, CategoryNameText, Change, Key, Slug, key_of
from catalog.http_cache import CACHEABLE, cached_response, private_response, public_response, respond_from_cache
from catalog.page_cache.usecases import CachedPage
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.web import fields
from common.web.dependencies import Begin, MaybeCaller
from common.web.envelope import Envelope, created, ok
from common.web.fast_path import FastHandler
from common.web.listing import ORDERING, SearchText
from common.web.pagination import Page, page_meta

router = APIRouter(prefix="/categories", tags=["categories"])

FAST_READS: dict[str, FastHandler] = {"/categories": respond_from_cache, "/categories/tree": respond_from_cache}

CREATE_ERRORS = errors(CategoryNameTaken, SlugTaken, UnknownParent, TreeTooDeep)
CHANGE_ERRORS = errors(CategoryNameTaken, SlugTaken, UnknownParent, CategoryCycle, TreeTooDeep)


CategorySearch = Annotated[SearchText | None, Query(description="part of the name", examples=["fabric"])]


class CategoryView(BaseModel):
    """`path` has the slugs from the root down to this category."""

    id: UUID
    name: CategoryNameText
    slug: fields.Slug
    parent_id: UUID | None
    path: list[fields.Slug]
    banner_url: fields.Url | None
    is_active: bool
    is_featured: bool


class CategoryBranch(CategoryView):
    children: list["CategoryBranch"]


class NewCategory(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: CategoryName
    slug: Slug | None = None
    parent_id: UUID | None = None
    banner_url: HttpUrl | None = None
    is_active: StrictBool = True
    is_featured: StrictBool = False


class CategoryChange(Change):
    """Only the given fields change; `parent_id: null` moves the category to the root."""

    clearable = frozenset({"parent_id", "banner_url"})

    name: CategoryName | None = None
    slug: Slug | None = None
    parent_id: UUID | None = None
    banner_url: HttpUrl | None = None
    is_active: StrictBool | None = None
    is_featured: StrictBool | None = None


@router.get("", response_model=Envelope[list[CategoryView]], responses=CACHEABLE, summary="List categories")
async def get_categories(
    request: Request,
    page: Page,
    read: Read,
    *,
    include_inactive: IncludeInactive,
    parent_id: UUID | None = None,
    is_featured: bool | None = None,
    search: CategorySearch = None,
    ordering: Annotated[str, SORTING, ORDERING] = "name",
) -> Response:
    async def render() -> tuple[bytes, Mapping[str, Any]]:
        async with read() as sql:
            rows, total = await list_categories(
                sql,
                limit=page.limit,
                offset=page.offset,
                include_inactive=include_inactive,
                parent_id=parent_id,
                is_featured=is_featured,
                search=search or None,
                ordering=ordering,
            )
        return _json(rows), page_meta(request, page, total)

    return private_response(*await render()) if include_inactive else await cached_response(request, render)


@router.get(
    "/tree", response_model=Envelope[list[CategoryBranch]], responses=CACHEABLE, summary="All categories as a tree"
)
async def get_category_tree(request: Request, _: MaybeCaller, read: Read) -> Response:
    async def render() -> tuple[bytes, None]:
        async with read() as sql:
            return _json(await category_tree(sql)), None

    return await cached_response(request, render)


@router.get("/{key}", response_model=Envelope[CategoryView], responses=CACHEABLE, summary="One category")
async def get_category(request: Request, key: Key, caller: MaybeCaller, read: Read) -> Response:
    """By id or slug. Only staff see a category that is inactive, or below one that is."""
    async with read() as sql:
        category = await find_category(sql, key_of(key), include_inactive=False)
        if category is not None:
            return public_response(request, CachedPage.of(_json(category)))
        category = await find_category(sql, key_of(key)) if may_manage(caller) else None
    if category is None:
        raise CategoryNotFound
    return private_response(_json(category))


@router.get(
    "/{category_id}/children",
    response_model=Envelope[list[CategoryView]],
    responses=CACHEABLE,
    summary="Categories right below one",
)
async def get_children(
    *,
    request: Request,
    category_id: UUID,
    page: Page,
    read: Read,
    include_inactive: IncludeInactive,
    search: CategorySearch = None,
    ordering: Annotated[str, SORTING, ORDERING] = "name",
) -> Response:
    async with read() as sql:
        if await find_category(sql, category_id, include_inactive=include_inactive) is None:
            raise CategoryNotFound
        rows, total = await list_categories(
            sql,
            limit=page.limit,
            offset=page.offset,
            include_inactive=include_inactive,
            parent_id=category_id,
            search=search or None,
            ordering=ordering,
        )
    data, meta = _json(rows), page_meta(request, page, total)
    return private_response(data, meta) if include_inactive else public_response(request, CachedPage.of(data, meta))


@router.post("", status_code=201, summary="Add a category", responses=CREATE_ERRORS)
async def post_category(body: NewCategory, _: Merchandiser, begin: Begin) -> Envelope[CategoryView]:
    async with begin() as tx:
        category = await create_category(tx, CategoryFields(**_values(body)))
        return created(await _view(tx, category.id), "Category created")


@router.put("/{key}", summary="Replace a category", responses=CHANGE_ERRORS)
async def put_category(category_id: ById, body: NewCategory, _: Merchandiser, begin: Begin) -> Envelope[CategoryView]:
    """Replaces all fields; without a slug the category keeps its slug."""
    values = _values(body)
    if body.slug is None:
        del values["slug"]
    return await _change(begin, category_id, values)


@router.patch("/{key}", summary="Change a category", responses=CHANGE_ERRORS)
async def patch_category(
    category_id: ById, body: CategoryChange, _: Merchandiser, begin: Begin
) -> Envelope[CategoryView]:
    return await _change(begin, category_id, _values(body, exclude_unset=True))


@router.delete("/{key}", status_code=204, summary="Delete a category", responses=errors(CategoryNotEmpty))
async def remove_category(category_id: ById, _: Merchandiser, begin: Begin) -> None:
    """Delete a category. 409 if it has subcategories or products."""
    async with begin() as tx:
        await delete_category(tx, category_id)


async def _change(begin: Begin, category_id: UUID, values: dict[str, Any]) -> Envelope[CategoryView]:
    async with begin() as tx:
        await change_category(tx, category_id, values)
        return ok(await _view(tx, category_id), "Category changed")


async def _view(tx: Transaction, category_id: UUID) -> CategoryView:
    return CategoryView.model_validate(await find_category(tx.sql, category_id))


def _values(body: BaseModel, *, exclude_unset: bool = False) -> dict[str, Any]:
    values = body.model_dump(exclude_unset=exclude_unset)
    if values.get("banner_url") is not None:
        values["banner_url"] = str(values["banner_url"])
    return values


def _json(rows: object) -> bytes:
    return orjson.dumps(rows, default=str)
