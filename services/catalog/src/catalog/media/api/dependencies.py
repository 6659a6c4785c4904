"""What the routes of images share: their dependencies, uploads and the deletion of files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request, UploadFile

from catalog.errors import ImageFileTooLarge, ImageTooLarge, UnsupportedImage
from catalog.media.domain import ImageLimits, MediaQuota, Upload, Visibility
from catalog.media.providers.files import MediaFiles
from catalog.media.store import Discarded
from catalog.media.usecases.store_upload import store_upload
from common.errors import DukanError
from common.jobs import Job
from common.security.media_urls import MediaUrls

UPLOAD_ERRORS = (ImageFileTooLarge, UnsupportedImage, ImageTooLarge)


@dataclass(frozen=True, slots=True)
class MediaDependencies:
    files: MediaFiles
    urls: MediaUrls
    limits: ImageLimits
    quota: MediaQuota
    processing: Job

    @asynccontextmanager
    async def stored(self, file: UploadFile, visibility: Visibility) -> AsyncIterator[Upload]:
        """Store the upload on disk; it is deleted if the block raises an error."""
        files = self.files.of(visibility)
        upload = await store_upload(files, file.file, self.limits)
        try:
            yield upload
        except DukanError:
            await asyncio.to_thread(files.remove, upload.media_id)
            raise

    async def remove_files(self, discarded: Discarded) -> None:
        """Delete files at once, after the commit; the job deletes those that a crash or an error leaves."""
        await asyncio.to_thread(self.files.remove_all, discarded)


async def _dependencies(request: Request) -> MediaDependencies:
    dependencies: MediaDependencies = request.app.state.media
    return dependencies


Media = Annotated[MediaDependencies, Depends(_dependencies)]
