"""The read that every client begins with, ahead of the framework (see common.web.fast_path)."""

from uuid import UUID

from fastapi import Request, Response

from auth.queries.accounts import render_accounts
from common.errors import Unauthenticated
from common.persistence.batch_loader import BatchLoader
from common.persistence.reader import Reader
from common.security.media_urls import MediaUrls
from common.security.tokens import Identity
from common.web.dependencies import Authenticated
from common.web.fast_path import FastHandler
from common.web.raw_json import envelope_of, json_response

authenticated = Authenticated()


class Profiles:
    """Accounts as `UserView` would render them, gathered: each is asked for by itself, many at once."""

    def __init__(self, reader: Reader, media_urls: MediaUrls) -> None:
        self._reader = reader
        self._media_urls = media_urls
        self._by_id: BatchLoader[UUID, str] = BatchLoader(self._find)

    async def find(self, account_id: UUID) -> str | None:
        return await self._by_id.get(account_id)

    async def _find(self, account_ids: list[UUID]) -> dict[UUID, str]:
        async with self._reader.read() as sql:
            return await render_accounts(sql, account_ids, self._media_urls)


async def show_me(request: Request, caller: Identity) -> Response:
    profiles: Profiles = request.app.state.profiles
    profile = await profiles.find(caller.user_id)
    if profile is None:
        raise Unauthenticated("The account is gone", code="account_gone")
    return json_response(envelope_of(profile.encode()))


async def _me(request: Request, _: str) -> Response:
    return await show_me(request, await authenticated(request))


FAST_READS: dict[str, FastHandler] = {"/auth/me": _me}
