"""/users: accounts, for those who administer them."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel

from auth.api.context import Forget, RequestingClient
from auth.api.views import UserView
from auth.domain.roles import Role
from auth.queries import AccountFilter, find_account, list_accounts
from auth.usecases.administer import activate, change_role, deactivate
from auth.usecases.end_sessions import end_sessions_of
from auth.usecases.record_audit import record_audit
from common.errors import NotFound
from common.web.dependencies import Admin, Begin, Staff
from common.web.envelope import Envelope, ok
from common.web.pagination import Page, page_meta

router = APIRouter()

Ordering = Literal["created_at", "-created_at", "email", "-email", "username", "-username", "last_name", "-last_name"]


class RoleChange(BaseModel):
    role: Role


async def _chosen(
    role: Role | None = None,
    is_active: bool | None = None,
    search: Annotated[str | None, Query(max_length=100)] = None,
    ordering: Ordering = "-created_at",
) -> AccountFilter:
    return AccountFilter(role, is_active, search, ordering)


@router.get("/users")
async def get_users(
    request: Request, _staff: Staff, begin: Begin, page: Page, chosen: Annotated[AccountFilter, Depends(_chosen)]
) -> Envelope[list[UserView]]:
    async with begin() as tx:
        accounts, total = await list_accounts(tx, chosen, page.offset, page.limit)
    return ok([UserView.of(account) for account in accounts], meta=page_meta(request, page, total))


@router.get("/users/{user_id}")
async def get_user(user_id: UUID, _staff: Staff, begin: Begin) -> Envelope[UserView]:
    async with begin() as tx:
        account = await find_account(tx, user_id)
    if account is None:
        raise NotFound("There is no such user", code="user_not_found")
    return ok(UserView.of(account))


@router.patch("/users/{user_id}")
async def patch_user(
    *, user_id: UUID, body: RoleChange, admin: Admin, client: RequestingClient, begin: Begin, forget: Forget
) -> Envelope[UserView]:
    async with begin() as tx:
        account, ended = await change_role(tx, user_id, body.role, admin.user_id, client)
    forget(ended)
    return ok(UserView.of(account), "Saved")


@router.post("/users/{user_id}/deactivate")
async def post_deactivate(
    user_id: UUID, admin: Admin, client: RequestingClient, begin: Begin, forget: Forget
) -> Envelope[UserView]:
    async with begin() as tx:
        account, ended = await deactivate(tx, user_id, admin.user_id, client)
    forget(ended)
    return ok(UserView.of(account), "Deactivated")


@router.post("/users/{user_id}/activate")
async def post_activate(user_id: UUID, admin: Admin, client: RequestingClient, begin: Begin) -> Envelope[UserView]:
    async with begin() as tx:
        account = await activate(tx, user_id, admin.user_id, client)
    return ok(UserView.of(account), "Activated")


@router.post("/users/{user_id}/logout")
async def post_user_logout(
    user_id: UUID, admin: Admin, client: RequestingClient, begin: Begin, forget: Forget
) -> Envelope[None]:
    async with begin() as tx:
        ended = await end_sessions_of(tx, user_id, "ended_by_admin")
        await record_audit(tx, "logout_all", "by_admin", client, account_id=user_id, actor_id=admin.user_id)
    forget(ended)
    return ok(None, "Signed out everywhere")
