"""/media: personal pictures, and the variants of every image."""

import asyncio
import os
from pathlib import Path as File
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Form, Path, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse

from catalog.dependencies import may_manage
from catalog.errors import ImageNotFound, MediaTooLarge, TooManyMedia, UsedByProduct, VariantNotFound
from catalog.http_cache import CACHEABLE
from catalog.media.api.bodies import MediaView
from catalog.media.api.dependencies import UPLOAD_ERRORS, Media
from catalog.media.domain import Variant, Visibility
from catalog.media.store import SORTING, find_media, list_own_media
from catalog.media.usecases import own_media
from common.errors import PreconditionFailed, RangeNotSatisfiable
from common.openapi.errors import errors
from common.security.media_urls import InvalidSignature, MediaUrls, UrlExpired
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from common.web.files import file_response
from common.web.listing import ORDERING, SearchText
from common.web.pagination import Page, page_meta

router = APIRouter(tags=["media"])

PART: dict[int | str, dict[str, Any]] = {206: {"description": "The part of the picture that `Range` names"}}
IMMUTABLE = "public, max-age=31536000, immutable"

Size = Annotated[Variant, Path(description="the longest side: 200, 600 or 1200 pixels")]
Expires = Annotated[
    str, Query(pattern=r"^[0-9]{1,12}$", description="until when, in seconds since 1970", examples=["1795251600"])
]
Signature = Annotated[
    str,
    Query(
        pattern=r"^[A-Za-z0-9_-]{43}$",
        description="of id, variant and expires",
        examples=["Zk3vQ9xLr1mW7tYb2cNp5sHd8fGj0aKe4uIoPq6RzXs"],
    ),
]


@router.post(
    "/media",
    status_code=201,
    responses=errors(TooManyMedia, MediaTooLarge, *UPLOAD_ERRORS),
    summary="Upload a picture of one's own",
)
async def post_media(
    *,
    file: UploadFile,
    visibility: Annotated[Visibility, Form()] = "private",
    caller: Caller,
    media: Media,
    begin: Begin,
) -> Envelope[MediaView]:
    """A JPEG, PNG or WebP file; of an animation, the first frame. Its variants are made in the background, in sRGB and
    without the metadata of the file."""
    async with media.stored(file, visibility) as upload, begin() as tx:
        await own_media.add_media(tx, upload, caller.user_id, visibility, media.quota)
        tx.after_commit(media.processing.wake)
        return created(await view_of(tx.sql, upload.media_id, media.urls), "Image received")


@router.get("/media", summary="List one's own pictures")
async def list_media(
    *,
    request: Request,
    caller: Caller,
    media: Media,
    begin: Begin,
    page: Page,
    search: Annotated[
        SearchText | None, Query(description="part of the content type, the state or the reason", examples=["png"])
    ] = None,
    ordering: Annotated[str, SORTING, ORDERING] = "-created_at",
) -> Envelope[list[MediaView]]:
    async with begin() as tx:
        rows, total = await list_own_media(tx.sql, caller.user_id, search or None, ordering, page)
    return ok([MediaView.of(row, media.urls) for row in rows], meta=page_meta(request, page, total))


@router.get("/media/{media_id}", summary="State of a picture")
async def get_media(media_id: UUID, caller: Caller, media: Media, begin: Begin) -> Envelope[MediaView]:
    """One's own; staff see every picture."""
    async with begin() as tx:
        return ok(await view_of(tx.sql, media_id, media.urls, caller))


@router.delete("/media/{media_id}", status_code=204, responses=errors(UsedByProduct), summary="Take a picture away")
async def delete_media(media_id: UUID, caller: Caller, media: Media, begin: Begin) -> None:
    """Delete an image of the caller; staff may delete any image. Its URLs stop working."""
    async with begin() as tx:
        discarded = await own_media.delete_media(tx, media_id, caller.user_id, is_manager=may_manage(caller))
    await media.remove_files(discarded)


@router.get(
    "/media/{media_id}/{variant}",
    response_class=FileResponse,
    summary="A picture in one size",
    responses=CACHEABLE | PART | errors(InvalidSignature, UrlExpired, PreconditionFailed, RangeNotSatisfiable),
)
async def get_variant(
    *,
    request: Request,
    media_id: UUID,
    variant: Size,
    expires: Expires | None = None,
    signature: Signature | None = None,
    media: Media,
) -> Response:
    """The picture as WebP. The picture of an id never changes, so that a public one may be cached for ever. A private
    one needs the signed URL that GET /media/{media_id} or a profile gives."""
    if expires is None and signature is None:
        return await _variant_response(request, media_id, variant, media.files.variant(media_id, variant), IMMUTABLE)
    seconds = media.urls.seconds_left(media_id, variant, expires or "", signature or "")
    path = media.files.of("private").variant(media_id, variant)
    return await _variant_response(request, media_id, variant, path, f"private, max-age={seconds}")


async def _variant_response(
    request: Request, media_id: UUID, variant: Variant, path: File, cache_control: str
) -> Response:
    try:
        stat_result = await asyncio.to_thread(os.stat, path)
    except FileNotFoundError as error:
        raise VariantNotFound from error
    etag = f'"{media_id.hex}-{variant}"'
    headers = {"Cache-Control": cache_control, "ETag": etag, "X-Content-Type-Options": "nosniff"}
    return file_response(request, path, stat_result, headers, "image/webp")


async def view_of(
    sql: asyncpg.Connection, media_id: UUID, urls: MediaUrls, caller: Identity | None = None
) -> MediaView:
    """Raises ImageNotFound, also if the given caller may not see the image."""
    media = await find_media(sql, media_id)
    if media is None or (caller is not None and not _may_see(caller, media["owner_id"], media["product_id"])):
        raise ImageNotFound
    return MediaView.of(media, urls)


def _may_see(caller: Identity, owner_id: UUID | None, product_id: UUID | None) -> bool:
    return may_manage(caller) or (owner_id == caller.user_id and product_id is None)
