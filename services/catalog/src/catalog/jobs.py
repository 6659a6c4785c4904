"""What runs on a clock."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from catalog.domain.images import Visibility
from catalog.providers.media_files import MediaFiles
from catalog.providers.pictures import Rendered, UnusablePictureError, render
from catalog.usecases.discard_media import discarded, forget_discarded
from catalog.usecases.expire_reservations import expire_reservations
from catalog.usecases.forget_changes import forget_changes
from catalog.usecases.process_images import Claim, claim_images, finish_image, reject_image
from common import clock
from common.jobs import Job
from common.persistence.database import Database

log = logging.getLogger(__name__)

EXPIRY_EVERY = 5.0
PICTURES_EVERY = 2.0
CHANGES_EVERY = 600.0
DISCARDED_EVERY = 60.0
PICTURES_AT_ONCE = 2
MOST_ATTEMPTS = 5


def expiry(database: Database, hold: timedelta) -> Job:
    """Asks orders about reservations that are held for too long."""

    async def run() -> int:
        async with database.begin() as tx:
            return await expire_reservations(tx, clock.now(), hold)

    return Job("catalog.expiry", EXPIRY_EVERY, run)


def forgetting(database: Database) -> Job:
    """Forgets old changes of what the public sees."""

    async def run() -> int:
        async with database.begin() as tx:
            return await forget_changes(tx, clock.now())

    return Job("catalog.changes", CHANGES_EVERY, run)


def pictures(database: Database, files: MediaFiles, discarding: Job) -> Job:
    """Makes the variants of uploaded images, a few at a time in worker threads; `discarding` what they replace."""

    async def run() -> int:
        async with database.begin() as tx:
            claims = await claim_images(tx, clock.now(), PICTURES_AT_ONCE)
        await asyncio.gather(*(_process(database, files.of(claim.visibility), claim) for claim in claims))
        if claims:
            discarding.wake()
        return len(claims)

    return Job("catalog.pictures", PICTURES_EVERY, run)


def discarding(database: Database, files: MediaFiles) -> Job:
    """Removes the files of images that are gone."""

    async def run() -> int:
        async with database.begin() as tx:
            gone = await discarded(tx)
        # Twice is no harm: two workers may see the same.
        await asyncio.to_thread(_remove, files, gone)
        async with database.begin() as tx:
            await forget_discarded(tx, gone)
        return len(gone)

    return Job("catalog.discarded", DISCARDED_EVERY, run)


def _remove(files: MediaFiles, gone: Mapping[UUID, Visibility]) -> None:
    for media_id, visibility in gone.items():
        files.of(visibility).remove(media_id)


async def _process(database: Database, files: MediaFiles, claim: Claim) -> None:
    """Ready, rejected, or left to be claimed again when the failure was ours."""
    try:
        rendered = await asyncio.to_thread(_render, files, claim)
    except UnusablePictureError as error:
        await _reject(database, files, claim, str(error))
    except Exception:
        log.exception("image %s failed (attempt %d)", claim.media_id, claim.attempts)
        if claim.attempts >= MOST_ATTEMPTS:
            await _reject(database, files, claim, "the picture could not be processed")
    else:
        async with database.begin() as tx:
            is_kept = await finish_image(tx, claim.media_id, rendered.width, rendered.height)
        if not is_kept:
            await asyncio.to_thread(files.remove, claim.media_id)
        elif claim.personal:
            # Where it was taken is nobody's business; of what is sold, larger sizes may be wanted one day.
            await asyncio.to_thread(files.remove_original, claim.media_id)


def _render(files: MediaFiles, claim: Claim) -> Rendered:
    with files.open_original(claim.media_id) as original:
        rendered = render(original)
    files.write_variants(claim.media_id, rendered.variants)
    return rendered


async def _reject(database: Database, files: MediaFiles, claim: Claim, reason: str) -> None:
    async with database.begin() as tx:
        is_rejected = await reject_image(tx, claim.media_id, reason)
    if is_rejected:
        await asyncio.to_thread(files.remove, claim.media_id)
