"""What the routes that take and show pictures share."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, Request, UploadFile
from pydantic import BaseModel, Field

from catalog.domain.images import Visibility
from catalog.providers.media_files import MediaFiles
from catalog.usecases.add_image import Upload
from catalog.usecases.discard_media import Discarded
from catalog.usecases.store_upload import store_upload
from common.errors import DukanError
from common.security.media_urls import MediaUrls


class MediaView(BaseModel):
    """An image; `url` and `variants` are there once it is ready, `reason` when it is rejected. The URLs of a private
    one are good for an hour or two, for whoever has them."""

    id: UUID
    visibility: Visibility
    is_avatar: Annotated[bool, Field(examples=[False])]
    state: Literal["pending", "ready", "rejected"]
    reason: Annotated[str | None, Field(examples=[None])]
    content_type: str
    width: int | None
    height: int | None
    url: str | None
    variants: dict[str, str]
    created_at: datetime


async def _files(request: Request) -> MediaFiles:
    files: MediaFiles = request.app.state.media_files
    return files


async def _urls(request: Request) -> MediaUrls:
    urls: MediaUrls = request.app.state.media_urls
    return urls


Files = Annotated[MediaFiles, Depends(_files)]
Urls = Annotated[MediaUrls, Depends(_urls)]


@asynccontextmanager
async def stored(request: Request, file: UploadFile, files: MediaFiles) -> AsyncIterator[Upload]:
    """The upload on disk; it does not stay there when the block refuses it."""
    upload = await store_upload(files, file.file, request.app.state.image_limits)
    try:
        yield upload
    except DukanError:
        await asyncio.to_thread(files.remove, upload.media_id)
        raise


async def remove_files(files: MediaFiles, gone: Discarded) -> None:
    """At once, after the commit; what a crash leaves here is removed by the job."""
    for media_id, visibility in gone.items():
        await asyncio.to_thread(files.of(visibility).remove, media_id)
