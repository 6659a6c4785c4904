"""/users: accounts, for those who administer them."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, StrictBool

from auth.api import refused
from auth.api.context import Forget, Identifying, RequestingClient
from auth.api.fields import Name, Phone
from auth.api.registration import Registration
from auth.api.views import AccountView
from auth.domain.roles import Role
from auth.queries.accounts import AccountFilter, find_account, list_accounts
from auth.usecases.administer import activate, change_user, deactivate
from auth.usecases.create_user import create_user
from auth.usecases.delete_account import delete_account, restore_account
from auth.usecases.end_sessions import end_sessions_of
from auth.usecases.record_audit import record_audit
from common.errors import NotFound
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, created, ok
from common.web.fields import WHOLE
from common.web.pagination import Page, page_meta

router = APIRouter()

Reader = Annotated[Identity, may("accounts.read")]
Administrator = Annotated[Identity, may("accounts.manage")]

Ordering = Literal["created_at", "-created_at", "email", "-email", "username", "-username", "last_name", "-last_name"]


DailyMessages = Annotated[int, Field(ge=0, le=1_000_000), WHOLE]


class NewUser(Registration):
    """Opened by an administrator, who may choose the role."""

    role: Role = "customer"
    max_messages_per_day: DailyMessages | None = None


class UserChange(BaseModel):
    """What is left out stays; null takes the phone number away, or the daily limit, in whose place the shop's holds."""

    first_name: Name = ""
    last_name: Name = ""
    phone: Phone | None = None
    role: Role = "customer"
    is_active: StrictBool = True
    max_messages_per_day: DailyMessages | None = None

    def changes(self) -> dict[str, Any]:
        return self.model_dump(exclude_unset=True)


class UserReplacement(UserChange):
    """All of it, but for `is_active`, which stays when it is left out."""

    first_name: Name
    last_name: Name
    phone: Phone | None
    role: Role
    max_messages_per_day: DailyMessages | None


async def _chosen(
    role: Role | None = None,
    is_active: bool | None = None,
    *,
    is_deleted: bool = False,
    search: Annotated[str | None, Query(max_length=100)] = None,
    ordering: Ordering = "-created_at",
) -> AccountFilter:
    return AccountFilter(role, is_active, search, ordering, is_deleted)


@router.get("/users", summary="List users")
async def get_users(
    request: Request,
    _staff: Reader,
    begin: Begin,
    identification: Identifying,
    page: Page,
    chosen: Annotated[AccountFilter, Depends(_chosen)],
) -> Envelope[list[AccountView]]:
    async with begin() as tx:
        accounts, total = await list_accounts(tx, chosen, page.offset, page.limit)
    views = [AccountView.of(account, identification.media_urls) for account in accounts]
    return ok(views, meta=page_meta(request, page, total))


@router.get("/users/{user_id}", summary="One user", responses=refused.USER)
async def get_user(user_id: UUID, _staff: Reader, begin: Begin, identification: Identifying) -> Envelope[AccountView]:
    async with begin() as tx:
        account = await find_account(tx, user_id)
    if account is None:
        raise NotFound("There is no such user", code="user_not_found")
    return ok(AccountView.of(account, identification.media_urls))


@router.post("/users", status_code=201, summary="Open an account for somebody", responses=refused.ADDING_USER)
async def post_user(
    body: NewUser, admin: Administrator, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[AccountView]:
    password_hash = await identification.hashing.hash(body.checked_password())
    profile = body.model_dump(exclude={"email", "password", "password_confirm"})
    async with begin() as tx:
        account = await create_user(
            tx,
            body.email,
            password_hash,
            profile,
            actor_id=admin.user_id,
            client=client,
            codes=identification.codes,
        )
    return created(AccountView.of(account, identification.media_urls))


@router.patch("/users/{user_id}", summary="Change a user", responses=refused.CHANGING_USER)
async def patch_user(
    *,
    user_id: UUID,
    body: UserChange,
    admin: Administrator,
    client: RequestingClient,
    begin: Begin,
    identification: Identifying,
    forget: Forget,
) -> Envelope[AccountView]:
    """A demotion ends the sessions, and so does closing the account."""
    async with begin() as tx:
        account, ended = await change_user(tx, user_id, body.changes(), admin.user_id, client)
    forget(ended)
    return ok(AccountView.of(account, identification.media_urls), "Saved")


@router.put("/users/{user_id}", summary="Replace what is said of a user", responses=refused.CHANGING_USER)
async def put_user(
    *,
    user_id: UUID,
    body: UserReplacement,
    admin: Administrator,
    client: RequestingClient,
    begin: Begin,
    identification: Identifying,
    forget: Forget,
) -> Envelope[AccountView]:
    return await patch_user(
        user_id=user_id,
        body=body,
        admin=admin,
        client=client,
        begin=begin,
        identification=identification,
        forget=forget,
    )


@router.delete("/users/{user_id}", summary="Delete a user", responses=refused.DELETING_USER)
async def delete_user(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, forget: Forget
) -> Envelope[None]:
    """Restorable for a while, then erased."""
    async with begin() as tx:
        ended = await delete_account(tx, user_id, admin.user_id, client)
    forget(ended)
    return ok(None, "Deleted")


@router.post("/users/{user_id}/restore", summary="Restore a deleted user", responses=refused.RESTORING_USER)
async def post_restore(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[AccountView]:
    """Takes a deletion back, until the account is erased."""
    async with begin() as tx:
        account = await restore_account(tx, user_id, admin.user_id, client)
    return ok(AccountView.of(account, identification.media_urls), "Restored")


@router.post("/users/{user_id}/deactivate", summary="Deactivate a user", responses=refused.CHANGING_USER)
async def post_deactivate(
    *,
    user_id: UUID,
    admin: Administrator,
    client: RequestingClient,
    begin: Begin,
    identification: Identifying,
    forget: Forget,
) -> Envelope[AccountView]:
    async with begin() as tx:
        account, ended = await deactivate(tx, user_id, admin.user_id, client)
    forget(ended)
    return ok(AccountView.of(account, identification.media_urls), "Deactivated")


@router.post("/users/{user_id}/activate", summary="Activate a user", responses=refused.CHANGING_USER)
async def post_activate(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[AccountView]:
    async with begin() as tx:
        account = await activate(tx, user_id, admin.user_id, client)
    return ok(AccountView.of(account, identification.media_urls), "Activated")


@router.post("/users/{user_id}/logout", summary="Sign a user out everywhere")
async def post_user_logout(
    user_id: UUID, admin: Administrator, client: RequestingClient, begin: Begin, forget: Forget
) -> Envelope[None]:
    async with begin() as tx:
        ended = await end_sessions_of(tx, user_id, "ended_by_admin")
        await record_audit(tx, "logout_all", "by_admin", client, account_id=user_id, actor_id=admin.user_id)
    forget(ended)
    return ok(None, "Signed out everywhere")
