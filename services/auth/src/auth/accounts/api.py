"""GET and PATCH /auth/me, and GET /auth/roles."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from auth.accounts.store import render_profiles
from auth.accounts.usecases import update_profile
from auth.dependencies import Services
from auth.errors import AccountGone, PhoneTaken, UserNotFound
from auth.fields import City, FirstName, Language, LastName, Line, Phone, Pincode, TimeZone
from auth.views import UserView
from common import clock
from common.openapi.errors import errors
from common.persistence.batch_loader import BatchLoader
from common.persistence.reader import Reader
from common.security.media_urls import MediaUrls
from common.security.permissions import GRANTS, PERMISSIONS
from common.security.tokens import Identity
from common.web.dependencies import Authenticated, Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.fast_path import FastHandler
from common.web.fields import Day
from common.web.raw_json import envelope_of, json_response

router = APIRouter()
authenticated = Authenticated()

MEANINGS = {permission: meaning for granted in GRANTS.values() for permission, meaning in granted.items()}


def _birth_date(day: date) -> date:
    if not date(1900, 1, 1) <= day <= clock.now().date():
        raise PydanticCustomError("invalid_date", "A birth date is between 1900 and today")
    return day


class Profile(BaseModel):
    """Omitted fields keep their value; null removes a phone number or the birth date."""

    first_name: FirstName = ""
    last_name: LastName = ""
    phone: Phone | None = None
    whatsapp_number: Phone | None = None
    birth_date: Annotated[Day, AfterValidator(_birth_date)] | None = None
    address: Line = ""
    city: City = ""
    pincode: Pincode = ""
    language: Language = "en"
    time_zone: TimeZone = "UTC"

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class PermissionView(BaseModel):
    """`allows` describes in words what the permission allows."""

    name: Annotated[str, Field(examples=["accounts.read"])]
    allows: Annotated[str, Field(examples=["see all accounts"])]


class RoleView(BaseModel):
    """All permissions of the role, including those of lesser roles."""

    role: Annotated[str, Field(examples=["staff"])]
    permissions: list[PermissionView]


class Profiles:
    """Accounts as `UserView` renders them; concurrent requests share one query."""

    def __init__(self, reader: Reader, media_urls: MediaUrls) -> None:
        self._reader = reader
        self._media_urls = media_urls
        self._by_id: BatchLoader[UUID, str] = BatchLoader(self._load)

    async def find(self, account_id: UUID) -> str | None:
        return await self._by_id.get(account_id)

    async def _load(self, account_ids: list[UUID]) -> dict[UUID, str]:
        async with self._reader.read() as sql:
            return await render_profiles(sql, account_ids, self._media_urls)


async def _render_me(request: Request, caller: Identity) -> Response:
    profiles: Profiles = request.app.state.profiles
    profile = await profiles.find(caller.user_id)
    if profile is None:
        raise AccountGone
    return json_response(envelope_of(profile.encode()))


@router.get(
    "/auth/me", response_model=Envelope[UserView], summary="The caller's profile", responses=errors(AccountGone)
)
async def get_me(request: Request, caller: Caller) -> Response:
    return await _render_me(request, caller)


async def _fast_me(request: Request, _: str) -> Response:
    return await _render_me(request, await authenticated(request))


FAST_READS: dict[str, FastHandler] = {"/auth/me": _fast_me}
"""The request that every client starts with, answered ahead of the framework (see common.web.fast_path)."""


@router.patch("/auth/me", summary="Change the caller's profile", responses=errors(PhoneTaken, UserNotFound))
async def patch_me(body: Profile, caller: Caller, begin: Begin, services: Services) -> Envelope[UserView]:
    async with begin() as tx:
        account = await update_profile(tx, caller.user_id, body.changes(), unique_phones=services.unique_phones)
    return ok(UserView.of(account, services.media_urls), "Saved")


@router.get("/auth/roles", summary="Permissions of each role")
async def get_roles(_: Caller) -> Envelope[list[RoleView]]:
    """The least role first. Requests about one's own account need no permission."""
    return ok([_role_view(role) for role in PERMISSIONS])


def _role_view(role: str) -> RoleView:
    permissions = [permission for permission in MEANINGS if permission in PERMISSIONS[role]]
    return RoleView(role=role, permissions=[PermissionView(name=name, allows=MEANINGS[name]) for name in permissions])
