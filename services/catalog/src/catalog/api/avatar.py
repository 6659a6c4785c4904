"""/auth/me/avatar: the picture of whoever is signed in. It belongs to the account, so no API key changes it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, UploadFile

from catalog.api import refused
from catalog.api.images import Files, MediaView, Urls, remove_files, stored
from catalog.api.media import view_of
from catalog.usecases.choose_avatar import choose_avatar, drop_avatar
from common.errors import Forbidden
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, accepted

router = APIRouter(prefix="/auth/me/avatar", tags=["media"])


async def _in_person(caller: Caller) -> Identity:
    if caller.scope:
        raise Forbidden("No API key changes an account", code="insufficient_scope")
    return caller


InPerson = Annotated[Identity, Depends(_in_person)]


@router.put("", status_code=202, responses=refused.UPLOADING, summary="Choose one's avatar")
async def put_avatar(
    *, request: Request, file: UploadFile, caller: InPerson, files: Files, urls: Urls, begin: Begin
) -> Envelope[MediaView]:
    """A JPEG, PNG or WebP file. Profiles show it once it is ready, and the former one until then."""
    private = files.of("private")
    async with stored(request, file, private) as upload, begin() as tx:
        gone = await choose_avatar(tx, upload, caller.user_id)
        tx.after_commit(request.app.state.pictures.wake)
        view = await view_of(tx, upload.media_id, urls)
    await remove_files(files, gone)
    return accepted(view, "Image received")


@router.delete("", status_code=204, summary="Take one's avatar away")
async def delete_avatar(caller: InPerson, files: Files, begin: Begin) -> None:
    """None any more; URLs that were given out stop working."""
    async with begin() as tx:
        gone = await drop_avatar(tx, caller.user_id)
    await remove_files(files, gone)
