"""/api-keys: one's own; administrators have everybody's."""

from datetime import datetime, timedelta
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Request
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from auth.api import refused
from auth.api.step_up import Confirm, FreshProof
from auth.dependencies import NO_STORE, MarkRevoked, RequestingClient, Services
from auth.fields import Name
from auth.queries.api_keys import find_api_key, list_api_keys
from auth.timing import constant_time
from auth.usecases.create_api_key import Wish, create_api_key
from auth.usecases.retire_api_key import revoke_api_key, revoke_shown_key, rotate_api_key
from common import clock
from common.errors import DukanError, Forbidden, NotFound
from common.security.scopes import SCOPES
from common.security.tokens import Identity
from common.web.dependencies import Begin, Caller
from common.web.envelope import Envelope, created, ok
from common.web.fields import WHOLE, Instant
from common.web.pagination import Page, page_meta

router = APIRouter(dependencies=[NO_STORE])

DAY = 24 * 3600


def _network(text: str) -> str:
    try:
        return str(ip_network(text))
    except ValueError as error:
        raise ValueError("This is no address or network, such as 203.0.113.7 or 198.51.100.0/24") from error


def _scope(name: str) -> str:
    if name not in SCOPES:
        raise ValueError(f"There is no such scope; there are {', '.join(SCOPES)}")
    return name


def _still_to_come(at: datetime) -> datetime:
    if at <= clock.now():
        raise ValueError("This time has passed")
    return at


Network = Annotated[str, StringConstraints(max_length=50), AfterValidator(_network)]
Scope = Annotated[str, StringConstraints(max_length=50), AfterValidator(_scope)]


class NewApiKey(FreshProof):
    """Whose key, what it may, from where, how often and until when. `user_id` is for administrators."""

    name: Annotated[Name, Field(min_length=1, examples=["Till"])]
    scopes: list[Scope] = Field(
        min_length=1, max_length=len(SCOPES), description="; ".join(map(": ".join, SCOPES.items()))
    )
    ip_allow: list[Network] = Field([], max_length=50, description="addresses and networks; none: from anywhere")
    daily_limit: Annotated[int, Field(ge=1, le=1_000_000_000), WHOLE] | None = Field(
        None, description="requests in a day, which begins at midnight UTC"
    )
    expires_at: Annotated[Instant, AfterValidator(_still_to_come)] | None = None
    user_id: UUID | None = None

    def wish(self) -> Wish:
        scopes = [name for name in SCOPES if name in self.scopes]
        return Wish(self.name, scopes, self.ip_allow, self.daily_limit, self.expires_at)


class Rotation(FreshProof):
    """`overlap_seconds`: for which the old secret goes on working; 0 ends it at once."""

    overlap_seconds: Annotated[int, Field(ge=0, le=30 * DAY), WHOLE] = DAY


class ShownApiKey(BaseModel):
    key: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ApiKeyView(BaseModel):
    """`prefix` is how a key begins. `old_secret_until` is set while the secret before the last rotation works."""

    id: UUID
    user_id: UUID
    name: Annotated[str, Field(examples=["Till"])]
    prefix: str
    scopes: list[str]
    ip_allow: list[str]
    daily_limit: int | None
    used_today: int
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
    """`key` is shown this once."""

    key: str


def _status(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> str:
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= now else "active"


def _only_of(caller: Identity) -> UUID | None:
    """Whose keys somebody may see: their own, or with None everybody's."""
    return None if caller.may("api_keys.manage") else caller.user_id


@router.get("/api-keys", summary="List API keys")
async def get_api_keys(
    request: Request, caller: Caller, begin: Begin, page: Page, user_id: UUID | None = None
) -> Envelope[list[ApiKeyView]]:
    """One's own; an administrator sees everybody's, or with `user_id` somebody's."""
    if not caller.may("api_keys.manage") and user_id not in (None, caller.user_id):
        raise Forbidden("Only administrators see the keys of others", field="user_id")
    owner_id = user_id or _only_of(caller)
    async with begin() as tx:
        rows, total = await list_api_keys(tx, owner_id, page.offset, page.limit)
    return ok([ApiKeyView.of(row) for row in rows], meta=page_meta(request, page, total))


@router.post("/api-keys", status_code=201, summary="Make an API key", responses=refused.MAKING_API_KEY)
async def post_api_key(
    *,
    body: NewApiKey,
    caller: Caller,
    confirm: Confirm,
    client: RequestingClient,
    begin: Begin,
    identification: Services,
) -> Envelope[ApiKeyWithSecret]:
    """Asks for a fresh proof of who one is."""
    owner_id = body.user_id or caller.user_id
    if not caller.may("api_keys.manage") and owner_id != caller.user_id:
        raise Forbidden("Only administrators make keys for others", field="user_id")
    await confirm(body)
    async with begin() as tx:
        row, key = await create_api_key(
            tx, owner_id, body.wish(), actor_id=caller.user_id, client=client, vault=identification.vault
        )
    return created(ApiKeyWithSecret.of(row, key=key), "Keep the key now: it is not shown again")


@router.post("/api-keys/revoke", summary="Revoke the API key that is shown", responses=refused.SHOWN_API_KEY)
async def post_revoke_api_key(
    body: ShownApiKey, client: RequestingClient, begin: Begin, forget: MarkRevoked, identification: Services
) -> Envelope[None]:
    """For a script that notices that its key leaked, and for whoever finds one: to have it is enough to end it."""
    async with constant_time(begin) as tx:
        outcome = await revoke_shown_key(
            tx, body.key, client=client, vault=identification.vault, per_address=identification.per_address
        )
    if isinstance(outcome, DukanError):
        raise outcome
    forget(outcome)
    return ok(None, "Revoked")


@router.get("/api-keys/{api_key_id}", summary="One API key", responses=refused.API_KEY)
async def get_api_key(api_key_id: UUID, caller: Caller, begin: Begin) -> Envelope[ApiKeyView]:
    async with begin() as tx:
        row = await find_api_key(tx, api_key_id, _only_of(caller))
    if row is None:
        raise NotFound("There is no such API key", code="api_key_not_found")
    return ok(ApiKeyView.of(row))


@router.delete("/api-keys/{api_key_id}", summary="Revoke an API key", responses=refused.API_KEY)
async def delete_api_key(
    api_key_id: UUID, caller: Caller, client: RequestingClient, begin: Begin, forget: MarkRevoked
) -> Envelope[ApiKeyView]:
    """For good. It stays listed, so that what used it can be told from the trail."""
    async with begin() as tx:
        row, ended = await revoke_api_key(tx, api_key_id, _only_of(caller), actor_id=caller.user_id, client=client)
    forget(ended)
    return ok(ApiKeyView.of(row), "Revoked")


@router.post(
    "/api-keys/{api_key_id}/rotate", summary="Give an API key a new secret", responses=refused.ROTATING_API_KEY
)
async def post_rotate_api_key(
    *,
    api_key_id: UUID,
    body: Rotation | None = None,
    caller: Caller,
    confirm: Confirm,
    client: RequestingClient,
    begin: Begin,
    forget: MarkRevoked,
    identification: Services,
) -> Envelope[ApiKeyWithSecret]:
    """Asks for a fresh proof of who one is."""
    await confirm(body)
    overlap = timedelta(seconds=(body or Rotation()).overlap_seconds)
    async with begin() as tx:
        row, key, ended = await rotate_api_key(
            tx,
            api_key_id,
            _only_of(caller),
            overlap,
            actor_id=caller.user_id,
            client=client,
            vault=identification.vault,
        )
    forget(ended)
    return ok(ApiKeyWithSecret.of(row, key=key), "Keep the key now: it is not shown again")
