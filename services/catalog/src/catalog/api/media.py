"""/products/{id}/images and /media: uploading pictures and serving their variants."""

import asyncio
import os
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response, UploadFile
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from catalog.api.public import is_known
from catalog.providers.media_files import MediaFiles
from catalog.queries.media import find_media
from catalog.usecases.add_image import add_image, remove_image
from catalog.usecases.store_upload import store_upload
from common.errors import DukanError, NotFound
from common.persistence.transaction import Transaction
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, created, ok
from common.web.tokens import Identity

router = APIRouter(tags=["media"])

Merchandiser = Annotated[Identity, may("offer.manage")]

FOREVER = "public, max-age=31536000, immutable"

Size = Annotated[Literal["thumb", "medium", "large"], Path(description="how large")]


class MediaView(BaseModel):
    """An image; `url` and `variants` are there once it is ready, `reason` when it is rejected."""

    id: UUID
    state: Literal["pending", "ready", "rejected"]
    reason: Annotated[str | None, Field(examples=[None])]
    content_type: str
    width: int | None
    height: int | None
    url: str | None
    variants: dict[str, str]


async def _files(request: Request) -> MediaFiles:
    files: MediaFiles = request.app.state.media_files
    return files


Files = Annotated[MediaFiles, Depends(_files)]


@router.post(
    "/products/{product_id}/images",
    status_code=201,
    responses={200: {"description": "It was there"}},
    summary="Add a picture to a product",
)
async def post_image(
    request: Request,
    response: Response,
    product_id: UUID,
    file: UploadFile,
    *,
    caller: Merchandiser,
    files: Files,
    begin: Begin,
) -> Envelope[MediaView]:
    """A JPEG, PNG or WebP file. The same content again answers 200 and the image that is there."""
    upload = await store_upload(files, await file.read(), request.app.state.image_limits)
    try:
        async with begin() as tx:
            media_id = await add_image(tx, product_id, upload, caller.user_id)
            tx.after_commit(request.app.state.pictures.wake)
            view = await _view(tx, media_id)
    except DukanError:
        await asyncio.to_thread(files.remove, upload.media_id)
        raise
    if media_id == upload.media_id:
        return created(view, "Image received")
    await asyncio.to_thread(files.remove, upload.media_id)
    response.status_code = 200
    return ok(view, "The product has this image already")


@router.delete("/products/{product_id}/images/{media_id}", status_code=204, summary="Take a picture away")
async def delete_image(product_id: UUID, media_id: UUID, _: Merchandiser, files: Files, begin: Begin) -> None:
    async with begin() as tx:
        await remove_image(tx, product_id, media_id)
    await asyncio.to_thread(files.remove, media_id)


@router.get("/media/{media_id}", summary="State of a picture")
async def get_media(media_id: UUID, _: Merchandiser, begin: Begin) -> Envelope[MediaView]:
    async with begin() as tx:
        return ok(await _view(tx, media_id))


@router.get("/media/{media_id}/{variant}", response_class=FileResponse, summary="A picture in one size")
async def get_variant(request: Request, media_id: UUID, variant: Size, files: Files) -> Response:
    """The picture as WebP. What an id shows never changes, so it may be kept for ever."""
    path = files.variant(media_id, variant)
    try:
        found = await asyncio.to_thread(os.stat, path)
    except FileNotFoundError as error:
        raise NotFound("There is no such picture, or it is not ready yet") from error
    etag = f'"{media_id.hex}-{variant}"'
    headers = {"Cache-Control": FOREVER, "ETag": etag, "X-Content-Type-Options": "nosniff"}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    return FileResponse(path, headers=headers, media_type="image/webp", stat_result=found)


async def _view(tx: Transaction, media_id: UUID) -> MediaView:
    media = await find_media(tx.sql, media_id)
    if media is None:
        raise NotFound("There is no such image")
    return MediaView.model_validate(media)
