"""/products/{id}/images: the images of a product."""

import asyncio
from uuid import UUID

from fastapi import APIRouter, Response, UploadFile

from catalog.dependencies import Merchandiser
from catalog.errors import TooManyImages
from catalog.media.api.bodies import MediaView
from catalog.media.api.dependencies import UPLOAD_ERRORS, Media
from catalog.media.api.media import view_of
from catalog.media.usecases.product_images import add_image, remove_image
from common.openapi.errors import errors
from common.web.dependencies import Begin
from common.web.envelope import Envelope, created, ok

router = APIRouter(tags=["media"])


@router.post(
    "/products/{product_id}/images",
    status_code=201,
    responses=errors(TooManyImages, *UPLOAD_ERRORS) | {200: {"description": "The product has this image already"}},
    summary="Add a picture to a product",
)
async def post_image(
    *, response: Response, product_id: UUID, file: UploadFile, caller: Merchandiser, media: Media, begin: Begin
) -> Envelope[MediaView]:
    """A JPEG, PNG or WebP file. The same content again is answered with 200 and the existing image."""
    async with media.stored(file, "public") as upload, begin() as tx:
        media_id = await add_image(tx, product_id, upload, caller.user_id)
        tx.after_commit(media.processing.wake)
        view = await view_of(tx.sql, media_id, media.urls)
    if media_id == upload.media_id:
        return created(view, "Image received")
    await asyncio.to_thread(media.files.remove, upload.media_id)
    response.status_code = 200
    return ok(view, "The product has this image already")


@router.delete("/products/{product_id}/images/{media_id}", status_code=204, summary="Take a picture away")
async def delete_image(product_id: UUID, media_id: UUID, _: Merchandiser, media: Media, begin: Begin) -> None:
    async with begin() as tx:
        discarded = await remove_image(tx, product_id, media_id)
    await media.remove_files(discarded)
