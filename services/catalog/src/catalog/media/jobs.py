"""Processes uploaded images, and deletes the files of discarded ones."""

import asyncio
import logging

from catalog.media import store
from catalog.media.providers.files import MediaFiles
from catalog.media.providers.pillow import RenderedImage, UnusableImageError, render_variants
from catalog.media.store import Claim
from catalog.media.usecases.process_images import claim_images, finish_image, reject_image
from common import clock
from common.jobs import Job
from common.persistence.database import Database

log = logging.getLogger(__name__)

PROCESS_EVERY_SECONDS = 2.0
PROCESS_BATCH = 2
MAX_ATTEMPTS = 5
GIVEN_UP = "the picture could not be processed"
DELETE_EVERY_SECONDS = 60.0
DELETE_BATCH = 500


def process_images_job(database: Database, files: MediaFiles, delete_files: Job) -> Job:
    """Makes the variants of uploads, a few at a time in worker threads; wakes `delete_files` for replaced avatars.

    No OutboundWorker: the work is CPU time of this machine, and a third picture would only slow down the first two.
    """

    async def run() -> int:
        async with database.begin() as tx:
            claims = await claim_images(tx, clock.now(), PROCESS_BATCH)
        await asyncio.gather(*(_process(database, files.of(claim.visibility), claim) for claim in claims))
        if claims:
            delete_files.wake()
        return len(claims)

    return Job("catalog.pictures", PROCESS_EVERY_SECONDS, run)


def delete_files_job(database: Database, files: MediaFiles) -> Job:
    """Deletes the files of discarded images."""

    async def run() -> int:
        async with database.begin() as tx:
            discarded = await store.list_discarded(tx, DELETE_BATCH)
        # Two workers may delete the same files, which is harmless.
        removed = await asyncio.to_thread(files.remove_all, discarded)
        async with database.begin() as tx:
            await store.delete_discarded(tx, removed)
        return len(removed)

    return Job("catalog.discarded", DELETE_EVERY_SECONDS, run)


async def _process(database: Database, files: MediaFiles, claim: Claim) -> None:
    """Record the upload as ready or rejected, or leave it to the next attempt if the error is not the file's."""
    if claim.attempts > MAX_ATTEMPTS:
        # No attempt recorded a result: each ended its process, or was too slow for its lease.
        await _reject(database, files, claim, GIVEN_UP)
        return
    try:
        rendered = await asyncio.to_thread(_render, files, claim)
    except UnusableImageError as error:
        await _reject(database, files, claim, str(error))
    except Exception:
        log.exception("image %s failed (attempt %d)", claim.media_id, claim.attempts)
        if claim.attempts >= MAX_ATTEMPTS:
            await _reject(database, files, claim, GIVEN_UP)
    else:
        await _finish(database, files, claim, rendered)


def _render(files: MediaFiles, claim: Claim) -> RenderedImage:
    rendered = render_variants(files.read_original(claim.media_id))
    files.write_variants(claim.media_id, rendered.variants)
    return rendered


async def _finish(database: Database, files: MediaFiles, claim: Claim, rendered: RenderedImage) -> None:
    async with database.begin() as tx:
        exists = await finish_image(tx, claim.media_id, rendered.width, rendered.height)
    if not exists:
        await asyncio.to_thread(files.remove, claim.media_id)
    elif claim.is_personal:
        # Its metadata may say where it was taken. Originals of product images stay: larger variants may be needed.
        await asyncio.to_thread(files.remove_original, claim.media_id)


async def _reject(database: Database, files: MediaFiles, claim: Claim, reason: str) -> None:
    async with database.begin() as tx:
        is_rejected = await reject_image(tx, claim.media_id, reason)
    if is_rejected:
        await asyncio.to_thread(files.remove, claim.media_id)
