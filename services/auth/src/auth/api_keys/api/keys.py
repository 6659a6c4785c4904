"""/api-keys: the caller's keys; administrators have those of all accounts."""

from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from auth.api_keys import store
from auth.api_keys.domain import ApiKeyFields
from auth.api_keys.usecases.create_api_key import create_api_key
from auth.api_keys.usecases.rotate_api_key import revoke_api_key, revoke_presented_key, rotate_api_key
from auth.dependencies import NO_STORE, MarkRevoked, RequestingClient, Services
from auth.errors import (
    STEP_UP,
    ApiKeyAlreadyRevoked,
    ApiKeyInvalid,
    ApiKeyNotFound,
    ApiKeysOfOthersForbidden,
    TooManyApiKeys,
    TooManyAttempts,
    UserNotFound,
)
from auth.fields import Name
from auth.reauthentication import ReauthRequest, RequireStepUp
from auth.timing import constant_time
from common import clock
from common.openapi.errors import errors
from common.security.scopes import SCOPES
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from common.web.fields import WHOLE, Count, Instant
from common.web.pagination import Page, page_meta

router = APIRouter(dependencies=[NO_STORE])

DAY_SECONDS = 24 * 3600


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("This is not an address or network, such as 203.0.113.7 or 198.51.100.0/24") from error


def _scope(name: str) -> str:
    if name not in SCOPES:
        raise ValueError(f"There is no such scope; there are {', '.join(SCOPES)}")
    return name


def _future(at: datetime) -> datetime:
    if at <= clock.now():
        raise ValueError("This time has passed")
    return at


KeyName = Annotated[Name, Field(min_length=1, examples=["Till"])]
KeyText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(examples=["dk_0123456789abcdef_qL0yVQ3mT8kJ5rXw2sNfB7cHdPzG9uEaK1iOoYtMxZ4"]),
]
KeyPrefix = Annotated[str, Field(description="How the key begins", examples=["dk_0123456789abcdef"])]
Network = Annotated[
    str, StringConstraints(max_length=50), AfterValidator(_network), Field(examples=["198.51.100.0/24"])
]
Scope = Annotated[str, StringConstraints(max_length=50), AfterValidator(_scope), Field(examples=["read"])]


class NewApiKey(ReauthRequest):
    """`user_id` is for administrators."""

    name: KeyName
    scopes: list[Scope] = Field(
        min_length=1, max_length=len(SCOPES), description="; ".join(map(": ".join, SCOPES.items()))
    )
    ip_allow: list[Network] = Field([], max_length=50, description="addresses and networks; empty: from anywhere")
    daily_limit: Annotated[int, Field(ge=1, le=1_000_000_000, examples=[5000]), WHOLE] | None = Field(
        None, description="requests per day, which begins at midnight UTC"
    )
    expires_at: Annotated[Instant, AfterValidator(_future)] | None = None
    user_id: UUID | None = None

    def fields(self) -> ApiKeyFields:
        scopes = [name for name in SCOPES if name in self.scopes]
        return ApiKeyFields(self.name, scopes, self.ip_allow, self.daily_limit, self.expires_at)


class Rotation(ReauthRequest):
    """The former secret works for `overlap_seconds` longer; with 0, it ends at once."""

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * DAY_SECONDS, examples=[DAY_SECONDS]), WHOLE] = DAY_SECONDS


class PresentedApiKey(BaseModel):
    key: KeyText


class ApiKeyView(BaseModel):
    """`old_secret_until` is set while the secret before the last rotation works."""

    id: UUID
    user_id: UUID
    name: KeyName
    prefix: KeyPrefix
    scopes: list[Annotated[str, Field(examples=["read"])]]
    ip_allow: list[Annotated[str, Field(examples=["198.51.100.0/24"])]]
    daily_limit: Annotated[int, Field(examples=[5000])] | None
    used_today: Count
    status: Literal["active", "expired", "revoked"]
    expires_at: datetime | None
    last_used_at: datetime | None
    old_secret_until: datetime | None
    revoked_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, row: asyncpg.Record, **more: str) -> Self:
        now, values = clock.now(), dict(row)
        return cls.model_validate(
            values
            | {
                "user_id": values["account_id"],
                "prefix": f"dk_{values['public_id']}",
                "ip_allow": [str(network) for network in values["ip_allow"]],
                "used_today": values["spent"] if values["spent_on"] == now.date() else 0,
                "status": _status(values["revoked_at"], values["expires_at"], now),
                "old_secret_until": until if (until := values["retired_until"]) and until > now else None,
            }
            | more
        )


class ApiKeyWithSecret(ApiKeyView):
    """`key` is returned only once."""

    key: KeyText


def _status(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= now else "active"


def _visible_owner(caller: Identity) -> UUID | None:
    """The account whose keys the caller may see; None for administrators, who may see all."""
    return None if caller.may("api_keys.manage") else caller.user_id


@router.get("/api-keys", summary="List API keys", responses=errors(ApiKeysOfOthersForbidden))
async def get_api_keys(
    request: Request, caller: Caller, begin: Begin, page: Page, user_id: UUID | None = None
) -> Envelope[list[ApiKeyView]]:
    """The caller's; for administrators those of all accounts, or of `user_id`."""
    if not caller.may("api_keys.manage") and user_id not in (None, caller.user_id):
        raise ApiKeysOfOthersForbidden
    owner_id = user_id or _visible_owner(caller)
    async with begin() as tx:
        rows, total = await store.list_api_keys(tx, owner_id, page.offset, page.limit)
    return ok([ApiKeyView.of(row) for row in rows], meta=page_meta(request, page, total))


@router.post(
    "/api-keys",
    status_code=201,
    summary="Create an API key",
    responses=errors(ApiKeysOfOthersForbidden, TooManyApiKeys, UserNotFound, *STEP_UP),
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
    body: PresentedApiKey, client: RequestingClient, begin: Begin, forget: MarkRevoked, services: Services
) -> Envelope[None]:
    """Possession of the key is enough: for a script that notices that its key leaked, and for anyone who finds one."""
    async with constant_time(begin) as tx:
        ended = await revoke_presented_key(tx, body.key, client, services)
    forget(ended)
    return ok(None, "Revoked")


@router.get("/api-keys/{api_key_id}", summary="One API key", responses=errors(ApiKeyNotFound))
async def get_api_key(api_key_id: UUID, caller: Caller, begin: Begin) -> Envelope[ApiKeyView]:
    async with begin() as tx:
        row = await store.find(tx, api_key_id, _visible_owner(caller))
    if row is None:
        raise ApiKeyNotFound
    return ok(ApiKeyView.of(row))


@router.delete("/api-keys/{api_key_id}", summary="Revoke an API key", responses=errors(ApiKeyNotFound))
async def delete_api_key(
    api_key_id: UUID, caller: Caller, client: RequestingClient, begin: Begin, forget: MarkRevoked
) -> Envelope[ApiKeyView]:
    """Permanently. The key stays listed, so that audit entries can be traced to it."""
    async with begin() as tx:
        row, ended = await revoke_api_key(
            tx, api_key_id, _visible_owner(caller), actor_id=caller.user_id, client=client
        )
    forget(ended)
    return ok(ApiKeyView.of(row), "Revoked")


@router.post(
    "/api-keys/{api_key_id}/rotate",
    summary="Give an API key a new secret",
    responses=errors(ApiKeyNotFound, ApiKeyAlreadyRevoked, *STEP_UP),
)
async def post_rotate_api_key(
    *,
    api_key_id: UUID,
    body: Rotation | None = None,
    caller: Caller,
    require_step_up: RequireStepUp,
    client: RequestingClient,
    begin: Begin,
    forget: MarkRevoked,
    services: Services,
) -> Envelope[ApiKeyWithSecret]:
    """Requires a recent authentication."""
    await require_step_up(body)
    overlap = timedelta(seconds=(body or Rotation()).overlap_seconds)
    async with begin() as tx:
        row, key, ended = await rotate_api_key(
            tx,
            api_key_id,
            _visible_owner(caller),
            overlap,
            actor_id=caller.user_id,
            client=client,
            services=services,
        )
    forget(ended)
    return ok(ApiKeyWithSecret.of(row, key=key), "Store the key now: it is not shown again")
