"""/products/{id}/images: the pictures of what is sold."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response, UploadFile

from catalog.api import refused
from catalog.api.images import Files, MediaView, Urls, stored
from catalog.api.media import view_of
from catalog.usecases.add_image import add_image, remove_image
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, created, ok

router = APIRouter(tags=["media"])

Merchandiser = Annotated[Identity, may("offer.manage")]


@router.post(
    "/products/{product_id}/images",
    status_code=201,
    responses=refused.ADDING_IMAGE | {200: {"description": "It was there"}},
    summary="Add a picture to a product",
)
async def post_image(
    *,
    request: Request,
    response: Response,
    product_id: UUID,
    file: UploadFile,
    caller: Merchandiser,
    files: Files,
    urls: Urls,
    begin: Begin,
) -> Envelope[MediaView]:
    """A JPEG, PNG or WebP file. The same content again answers 200 and the image that is there."""
    async with stored(request, file, files) as upload, begin() as tx:
        media_id = await add_image(tx, product_id, upload, caller.user_id)
        tx.after_commit(request.app.state.pictures.wake)
        view = await view_of(tx, media_id, urls)
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
