"""/users: user administration, and DELETE /auth/me."""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, StrictBool

from auth.accounts.domain import Role, is_above
from auth.accounts.usecases import AccountFilter, Ordering, check_rank, find_account, list_accounts
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.dependencies import MarkRevoked, RequestingClient, Services
from auth.errors import STEP_UP, AccountDeleted, AccountErased, LastAdmin, PhoneTaken, RoleAboveOwn, UserNotFound
from auth.fields import DailyMessages, FirstName, LastName, Phone
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.services import AuthServices
from auth.sessions.usecases.end_sessions import end_sessions_of
from auth.users.usecases import activate, change_user, deactivate, delete_account, restore_account
from auth.views import AccountView
from common.contracts.auth import SessionRevoked
from common.openapi.errors import errors
from common.people.emails import search_spelling
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller, may
from common.web.envelope import Envelope, ok
from common.web.listing import SearchText
from common.web.pagination import Page, page_meta

router = APIRouter()

Reader = Annotated[Identity, may("accounts.read")]
Administrator = Annotated[Identity, may("accounts.manage")]

CHANGE_ERRORS = (AccountDeleted, LastAdmin, PhoneTaken, RoleAboveOwn, UserNotFound)


class UserChange(BaseModel):
    """Omitted fields keep their value. Null removes a phone number, or the daily limit: the shop's limit applies."""

    first_name: FirstName = ""
    last_name: LastName = ""
    phone: Phone | None = None
    whatsapp_number: Phone | None = None
    role: Role = "customer"
    is_active: StrictBool = True
    max_messages_per_day: DailyMessages | None = None

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)

    def role_above(self, roles: AbstractSet[str]) -> bool:
        """Whether it gives a role that has more rights than all of these."""
        return "role" in self.model_fields_set and is_above(self.role, roles)


class UserReplacement(UserChange):
    """All fields are required but `is_active` and `whatsapp_number`, which keep their value if omitted."""

    first_name: FirstName
    last_name: LastName
    phone: Phone | None
    role: Role
    max_messages_per_day: DailyMessages | None


async def _filters(
    role: Role | None = None,
    is_active: bool | None = None,
    *,
    is_deleted: bool = False,
    search: Annotated[
        SearchText | None,
        Query(description="part of the e-mail address, the username, the name or the phone number", examples=["neema"]),
    ] = None,
    ordering: Ordering = "-created_at",
) -> AccountFilter:
    return AccountFilter(role, is_active, search_spelling(search), ordering, is_deleted)


@router.get("/users", summary="List users")
async def get_users(
    request: Request,
    _: Reader,
    begin: Begin,
    services: Services,
    page: Page,
    filters: Annotated[AccountFilter, Depends(_filters)],
) -> Envelope[list[AccountView]]:
    async with begin() as tx:
        accounts, total = await list_accounts(tx, filters, page.offset, page.limit)
    views = [AccountView.of(account, services.media_urls) for account in accounts]
    return ok(views, meta=page_meta(request, page, total))


@router.get("/users/{user_id}", summary="One user", responses=errors(UserNotFound))
async def get_user(user_id: UUID, _: Reader, begin: Begin, services: Services) -> Envelope[AccountView]:
    async with begin() as tx:
        account = await find_account(tx, user_id)
    if account is None:
        raise UserNotFound
    return ok(AccountView.of(account, services.media_urls))


@dataclass(frozen=True, slots=True)
class UserChanger:
    """Applies an administrator's changes to the user of the path."""

    user_id: UUID
    actor: Identity
    client: Client
    begin: Begin
    services: AuthServices
    mark_revoked: Callable[[Sequence[SessionRevoked]], None]

    async def apply(self, body: UserChange) -> Envelope[AccountView]:
        if body.role_above(self.actor.roles):
            raise RoleAboveOwn
        async with self.begin() as tx:
            await check_rank(tx, self.user_id, self.actor.roles)
            account, ended = await change_user(
                tx,
                self.user_id,
                body.changes(),
                self.actor.user_id,
                self.client,
                unique_phones=self.services.unique_phones,
            )
        self.mark_revoked(ended)
        return ok(AccountView.of(account, self.services.media_urls), "Saved")


async def _changer(
    *,
    user_id: UUID,
    admin: Administrator,
    client: RequestingClient,
    begin: Begin,
    services: Services,
    mark_revoked: MarkRevoked,
) -> UserChanger:
    return UserChanger(user_id, admin, client, begin, services, mark_revoked)


Changer = Annotated[UserChanger, Depends(_changer)]


@router.patch("/users/{user_id}", summary="Change a user", responses=errors(*CHANGE_ERRORS))
async def patch_user(body: UserChange, changer: Changer) -> Envelope[AccountView]:
    """A demotion ends the user's sessions, and so does deactivation."""
    return await changer.apply(body)


@router.put("/users/{user_id}", summary="Replace a user", responses=errors(*CHANGE_ERRORS))
async def put_user(body: UserReplacement, changer: Changer) -> Envelope[AccountView]:
    return await changer.apply(body)


@router.delete("/users/{user_id}", summary="Delete a user", responses=errors(LastAdmin, RoleAboveOwn, UserNotFound))
async def delete_user(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, mark_revoked: MarkRevoked
) -> Envelope[None]:
    """Can be restored for a while; then personal data is erased."""
    async with begin() as tx:
        await check_rank(tx, user_id, admin.roles)
        ended = await delete_account(tx, user_id, admin.user_id, client)
    mark_revoked(ended)
    return ok(None, "Deleted")


@router.post(
    "/users/{user_id}/restore",
    summary="Restore a deleted user",
    responses=errors(AccountErased, RoleAboveOwn, UserNotFound),
)
async def post_restore(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[AccountView]:
    """Possible until the account is erased."""
    async with begin() as tx:
        await check_rank(tx, user_id, admin.roles)
        account = await restore_account(tx, user_id, admin.user_id, client)
    return ok(AccountView.of(account, services.media_urls), "Restored")


@router.post(
    "/users/{user_id}/deactivate",
    summary="Deactivate a user",
    responses=errors(LastAdmin, RoleAboveOwn, UserNotFound),
)
async def post_deactivate(
    *,
    user_id: UUID,
    admin: Administrator,
    client: RequestingClient,
    begin: Begin,
    services: Services,
    mark_revoked: MarkRevoked,
) -> Envelope[AccountView]:
    async with begin() as tx:
        await check_rank(tx, user_id, admin.roles)
        account, ended = await deactivate(tx, user_id, admin.user_id, client)
    mark_revoked(ended)
    return ok(AccountView.of(account, services.media_urls), "Deactivated")


@router.post(
    "/users/{user_id}/activate",
    summary="Activate a user",
    responses=errors(AccountDeleted, RoleAboveOwn, UserNotFound),
)
async def post_activate(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[AccountView]:
    async with begin() as tx:
        await check_rank(tx, user_id, admin.roles)
        account = await activate(tx, user_id, admin.user_id, client)
    return ok(AccountView.of(account, services.media_urls), "Activated")


@router.post("/users/{user_id}/logout", summary="Sign a user out everywhere", responses=errors(RoleAboveOwn))
async def post_user_logout(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, mark_revoked: MarkRevoked
) -> Envelope[None]:
    async with begin() as tx:
        await check_rank(tx, user_id, admin.roles)
        ended = await end_sessions_of(tx, user_id, "ended_by_admin")
        await record_audit(tx, "logout_all", "by_admin", client, account_id=user_id, actor_id=admin.user_id)
    mark_revoked(ended)
    return ok(None, "Signed out everywhere")


@router.delete(
    "/auth/me",
    summary="Delete the caller's account",
    responses=errors(LastAdmin, UserNotFound, *STEP_UP),
)
async def delete_me(
    *,
    body: ReauthRequest | None = None,
    caller: Caller,
    require_step_up: RequireStepUp,
    client: RequestingClient,
    begin: Begin,
    mark_revoked: MarkRevoked,
) -> Envelope[None]:
    """Ends all sessions and rejects sign-ins. An administrator can restore the account for a while; then personal
    data is erased. Needs re-authentication."""
    await require_step_up(body)
    async with begin() as tx:
        ended = await delete_account(tx, caller.user_id, None, client)
    mark_revoked(ended)
    return ok(None, "Deleted")
