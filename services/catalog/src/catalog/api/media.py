"""/media: what people upload for themselves, and the variants of every picture."""

import asyncio
import os
from pathlib import Path as File
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Path, Query, Request, Response, UploadFile
from fastapi.responses import FileResponse

from catalog.api import refused
from catalog.api.images import Files, MediaView, Urls, remove_files, stored
from catalog.api.public import CACHEABLE, is_known
from catalog.domain.images import Variant, Visibility
from catalog.queries.media import find_media, own_media
from catalog.usecases.keep_media import keep_media, take_away
from common.errors import NotFound
from common.persistence.transaction import Transaction
from common.security.media_urls import MediaUrls
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from common.web.pagination import Page, page_meta

router = APIRouter(tags=["media"])

FOREVER = "public, max-age=31536000, immutable"

EXPIRES = "1795251600"
SIGNED = "Zk3vQ9xLr1mW7tYb2cNp5sHd8fGj0aKe4uIoPq6RzXs"

Size = Annotated[Variant, Path(description="the longest side: 200, 600 or 1200 pixels")]
Expires = Annotated[
    str, Query(pattern=r"^[0-9]{1,12}$", description="until when, in seconds since 1970", examples=[EXPIRES])
]
Signature = Annotated[
    str, Query(pattern=r"^[A-Za-z0-9_-]{43}$", description="of id, variant and expires", examples=[SIGNED])
]


@router.post("/media", status_code=201, responses=refused.KEEPING, summary="Upload a picture of one's own")
async def post_media(
    *,
    request: Request,
    file: UploadFile,
    visibility: Annotated[Visibility, Form()] = "private",
    caller: Caller,
    files: Files,
    urls: Urls,
    begin: Begin,
) -> Envelope[MediaView]:
    """A JPEG, PNG or WebP file. Its variants are made in the background; what it was besides a picture is lost."""
    async with stored(request, file, files.of(visibility)) as upload, begin() as tx:
        await keep_media(tx, upload, caller.user_id, visibility, request.app.state.media_bounds)
        tx.after_commit(request.app.state.pictures.wake)
        return created(await view_of(tx, upload.media_id, urls), "Image received")


@router.get("/media", summary="List one's own pictures")
async def list_media(
    request: Request, caller: Caller, urls: Urls, begin: Begin, page: Page
) -> Envelope[list[MediaView]]:
    """One's own, newest first."""
    async with begin() as tx:
        media, total = await own_media(tx.sql, caller.user_id, urls, page.offset, page.limit)
    return ok([MediaView.model_validate(each) for each in media], meta=page_meta(request, page, total))


@router.get("/media/{media_id}", summary="State of a picture")
async def get_media(media_id: UUID, caller: Caller, urls: Urls, begin: Begin) -> Envelope[MediaView]:
    """One's own; staff see everybody's."""
    async with begin() as tx:
        return ok(await view_of(tx, media_id, urls, caller))


@router.delete("/media/{media_id}", status_code=204, responses=refused.TAKING_AWAY, summary="Take a picture away")
async def delete_media(media_id: UUID, caller: Caller, files: Files, begin: Begin) -> None:
    """One's own; staff take away everybody's. URLs that were given out stop working."""
    async with begin() as tx:
        gone = await take_away(tx, media_id, caller.user_id, manages=caller.may("offer.manage"))
    await remove_files(files, gone)


@router.get(
    "/media/{media_id}/{variant}",
    response_class=FileResponse,
    summary="A picture in one size",
    responses=CACHEABLE | refused.SHOWING,
)
async def get_variant(
    *,
    request: Request,
    media_id: UUID,
    variant: Size,
    expires: Expires | None = None,
    signature: Signature | None = None,
    files: Files,
    urls: Urls,
) -> Response:
    """The picture as WebP. What an id shows never changes, so a public one may be kept for ever. A private one is
    shown by the URLs only that GET /media/{media_id} and profiles give."""
    if expires is None and signature is None:
        return await _picture(request, media_id, variant, files.variant(media_id, variant), FOREVER)
    left = urls.seconds_left(media_id, variant, expires or "", signature or "")
    path = files.of("private").variant(media_id, variant)
    return await _picture(request, media_id, variant, path, f"private, max-age={left}")


async def _picture(request: Request, media_id: UUID, variant: Variant, path: File, cache_control: str) -> Response:
    try:
        found = await asyncio.to_thread(os.stat, path)
    except FileNotFoundError as error:
        raise NotFound("There is no such picture, or it is not ready yet") from error
    etag = f'"{media_id.hex}-{variant}"'
    headers = {"Cache-Control": cache_control, "ETag": etag, "X-Content-Type-Options": "nosniff"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, media_type="image/webp", stat_result=found)


async def view_of(tx: Transaction, media_id: UUID, urls: MediaUrls, caller: Identity | None = None) -> MediaView:
    """Raises NotFound, for a caller also when it is not the caller's to see."""
    media = await find_media(tx.sql, media_id, urls)
    if media is None or (caller is not None and not _may_see(caller, media["owner_id"], media["product_id"])):
        raise NotFound("There is no such image")
    return MediaView.model_validate(media)


def _may_see(caller: Identity, owner_id: UUID | None, product_id: UUID | None) -> bool:
    return caller.may("offer.manage") or (owner_id == caller.user_id and product_id is None)
