"""/auth/me/avatar: the avatar of the caller's account, which no API key can change."""

from typing import Annotated

from fastapi import APIRouter, Depends, UploadFile

from catalog.media.api.bodies import MediaView
from catalog.media.api.dependencies import UPLOAD_ERRORS, Media
from catalog.media.api.media import view_of
from catalog.media.usecases import avatars
from common.errors import InsufficientScope
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted

router = APIRouter(prefix="/auth/me/avatar", tags=["media"])


async def _signed_in(caller: Caller) -> Identity:
    if caller.scope:
        raise InsufficientScope("An API key cannot change an account")
    return caller


SignedIn = Annotated[Identity, Depends(_signed_in)]
"""A caller with a session, not with an API key."""


@router.put("", status_code=202, responses=errors(*UPLOAD_ERRORS), summary="Choose one's avatar")
async def put_avatar(*, file: UploadFile, caller: SignedIn, media: Media, begin: Begin) -> Envelope[MediaView]:
    """A JPEG, PNG or WebP file. Profiles show the former avatar until this one is ready."""
    async with media.stored(file, "private") as upload, begin() as tx:
        discarded = await avatars.set_avatar(tx, upload, caller.user_id)
        tx.after_commit(media.processing.wake)
        view = await view_of(tx.sql, upload.media_id, media.urls)
    await media.remove_files(discarded)
    return accepted(view, "Image received")


@router.delete("", status_code=204, summary="Take one's avatar away")
async def delete_avatar(caller: SignedIn, media: Media, begin: Begin) -> None:
    """The URLs of the avatar stop working."""
    async with begin() as tx:
        discarded = await avatars.delete_avatar(tx, caller.user_id)
    await media.remove_files(discarded)
