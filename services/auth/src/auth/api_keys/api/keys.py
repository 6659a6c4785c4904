"""/api-keys: the caller's keys; staff have those of all accounts."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from auth.accounts.usecases import check_rank
from auth.api_keys import store
from auth.api_keys.api.bodies import ApiKeyView, ApiKeyWithSecret, NewApiKey, PresentedApiKey, Rotation
from auth.api_keys.usecases.create_api_key import create_api_key
from auth.api_keys.usecases.rotate_api_key import revoke_api_key, revoke_presented_key, rotate_api_key
from auth.dependencies import NO_STORE, MarkRevoked, RequestingClient, Services
from auth.errors import (
    STEP_UP,
    ApiKeyAlreadyRevoked,
    ApiKeyInvalid,
    ApiKeyNotFound,
    ApiKeysOfOthersForbidden,
    RoleAboveOwn,
    TooManyApiKeys,
    TooManyAttempts,
    UserNotFound,
)
from auth.reauthentication import RequireStepUp
from auth.timing import constant_time
from common.openapi.errors import errors
from common.persistence.transaction import Transaction
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from common.web.listing import ORDERING, SearchText
from common.web.pagination import Page, page_meta

router = APIRouter(dependencies=[NO_STORE])


def _visible_owner(caller: Identity) -> UUID | None:
    """The account whose keys the caller may see; None for staff, who may see all."""
    return None if caller.may("api_keys.manage") else caller.user_id


async def _check_rank(tx: Transaction, owner_id: UUID | None, caller: Identity) -> None:
    """Raises RoleAboveOwn: with a new secret of an administrator's key, staff would be administrators."""
    if owner_id is not None and owner_id != caller.user_id and caller.may("api_keys.manage"):
        await check_rank(tx, owner_id, caller.roles)


@router.get("/api-keys", summary="List API keys", responses=errors(ApiKeysOfOthersForbidden))
async def get_api_keys(
    *,
    request: Request,
    caller: Caller,
    begin: Begin,
    page: Page,
    user_id: UUID | None = None,
    search: Annotated[
        SearchText | None, Query(description="part of the name or the prefix", examples=["warehouse"])
    ] = None,
    ordering: Annotated[str, store.SORTING, ORDERING] = "-created_at",
) -> Envelope[list[ApiKeyView]]:
    """The caller's; for staff those of all accounts, or of `user_id`."""
    if not caller.may("api_keys.manage") and user_id not in (None, caller.user_id):
        raise ApiKeysOfOthersForbidden
    owner_id = user_id or _visible_owner(caller)
    async with begin() as tx:
        rows, total = await store.list_api_keys(tx, owner_id, search or None, ordering, page)
    return ok([ApiKeyView.of(row) for row in rows], meta=page_meta(request, page, total))


@router.post(
    "/api-keys",
    status_code=201,
    summary="Create an API key",
    responses=errors(ApiKeysOfOthersForbidden, RoleAboveOwn, TooManyApiKeys, UserNotFound, *STEP_UP),
)
async def post_api_key(
    *,
    body: NewApiKey,
    caller: Caller,
    require_step_up: RequireStepUp,
    client: RequestingClient,
    begin: Begin,
    services: Services,
) -> Envelope[ApiKeyWithSecret]:
    """Requires a recent authentication."""
    owner_id = body.user_id or caller.user_id
    if not caller.may("api_keys.manage") and owner_id != caller.user_id:
        raise ApiKeysOfOthersForbidden
    await require_step_up(body)
    async with begin() as tx:
        await _check_rank(tx, owner_id, caller)
        row, key = await create_api_key(
            tx, owner_id, body.fields(), actor_id=caller.user_id, client=client, services=services
        )
    return created(ApiKeyWithSecret.of(row, key=key), "Store the key now: it is not shown again")


@router.post(
    "/api-keys/revoke",
    summary="Revoke the API key in the body",
    responses=errors(ApiKeyInvalid, TooManyAttempts),
)
async def post_revoke_api_key(
    body: PresentedApiKey, client: RequestingClient, begin: Begin, mark_revoked: MarkRevoked, services: Services
) -> Envelope[None]:
    """Possession of the key is enough: for a script that notices that its key leaked, and for anyone who finds one."""
    async with constant_time(begin) as tx:
        ended = await revoke_presented_key(tx, body.key, client, services)
    mark_revoked(ended)
    return ok(None, "Revoked")


@router.get("/api-keys/{api_key_id}", summary="One API key", responses=errors(ApiKeyNotFound))
async def get_api_key(api_key_id: UUID, caller: Caller, begin: Begin) -> Envelope[ApiKeyView]:
    async with begin() as tx:
        row = await store.find(tx, api_key_id, _visible_owner(caller))
    if row is None:
        raise ApiKeyNotFound
    return ok(ApiKeyView.of(row))


@router.delete("/api-keys/{api_key_id}", summary="Revoke an API key", responses=errors(ApiKeyNotFound, RoleAboveOwn))
async def delete_api_key(
    api_key_id: UUID, caller: Caller, client: RequestingClient, begin: Begin, mark_revoked: MarkRevoked
) -> Envelope[ApiKeyView]:
    """Permanently. The key stays listed, so that audit entries can be traced to it."""
    async with begin() as tx:
        await _check_rank(tx, await store.find_owner(tx, api_key_id), caller)
        row, ended = await revoke_api_key(
            tx, api_key_id, _visible_owner(caller), actor_id=caller.user_id, client=client
        )
    mark_revoked(ended)
    return ok(ApiKeyView.of(row), "Revoked")


@router.post(
    "/api-keys/{api_key_id}/rotate",
    summary="Give an API key a new secret",
    responses=errors(ApiKeyNotFound, ApiKeyAlreadyRevoked, RoleAboveOwn, *STEP_UP),
)
async def post_rotate_api_key(
    *,
    api_key_id: UUID,
    body: Rotation | None = None,
    caller: Caller,
    require_step_up: RequireStepUp,
    client: RequestingClient,
    begin: Begin,
    mark_revoked: MarkRevoked,
    services: Services,
) -> Envelope[ApiKeyWithSecret]:
    """Requires a recent authentication."""
    await require_step_up(body)
    overlap = timedelta(seconds=(body or Rotation()).overlap_seconds)
    async with begin() as tx:
        await _check_rank(tx, await store.find_owner(tx, api_key_id), caller)
        row, key, ended = await rotate_api_key(
            tx,
            api_key_id,
            _visible_owner(caller),
            overlap,
            actor_id=caller.user_id,
            client=client,
            services=services,
        )
    mark_revoked(ended)
    return ok(ApiKeyWithSecret.of(row, key=key), "Store the key now: it is not shown again")
