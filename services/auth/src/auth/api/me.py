"""GET, PATCH and DELETE /auth/me."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import AfterValidator, BaseModel, StringConstraints

from auth.api.context import Forget, Identifying, RequestingClient
from auth.api.fields import Language, Line, Name, Phone, TimeZone
from auth.api.hot import show_me
from auth.api.views import UserView
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.usecases.delete_account import delete_account
from auth.usecases.update_profile import update_profile
from common import clock
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, ok
from common.web.fields import Day

router = APIRouter()


def _born(day: date) -> date:
    if not date(1900, 1, 1) <= day <= clock.now().date():
        raise ValueError("Nobody who could sign in was born then")
    return day


class Profile(BaseModel):
    """What is left out stays; null takes the phone number or the birth date away."""

    first_name: Name = ""
    last_name: Name = ""
    phone: Phone | None = None
    birth_date: Annotated[Day, AfterValidator(_born)] | None = None
    address: Line = ""
    city: Name = ""
    pincode: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9 -]{0,12}$")] = ""
    language: Language = "en"
    time_zone: TimeZone = "UTC"

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


@router.get("/auth/me", response_model=Envelope[UserView], summary="The caller's profile")
async def get_me(request: Request, caller: Caller) -> Response:
    return await show_me(request, caller)


@router.patch("/auth/me", summary="Change the caller's profile")
async def patch_me(body: Profile, caller: Caller, begin: Begin, identification: Identifying) -> Envelope[UserView]:
    async with begin() as tx:
        account = await update_profile(tx, caller.user_id, body.changes())
    return ok(UserView.of(account, identification.media_urls), "Saved")


@router.delete("/auth/me", summary="Delete the caller's account")
async def delete_me(
    *,
    body: ReauthRequest | None = None,
    caller: Caller,
    confirm: RequireStepUp,
    client: RequestingClient,
    begin: Begin,
    forget: Forget,
) -> Envelope[None]:
    """Signed out everywhere, and nobody signs in again. An administrator can restore the account for a while; then
    what is personal is erased."""
    await confirm(body)
    async with begin() as tx:
        ended = await delete_account(tx, caller.user_id, None, client)
    forget(ended)
    return ok(None, "Deleted")
