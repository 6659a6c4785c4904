"""Requests and responses about API keys."""

from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Literal, Self
from uuid import UUID

import asyncpg
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from auth.api_keys.domain import ApiKeyFields
from auth.fields import Name
from auth.reauthentication import ReauthRequest
from common import clock
from common.security.scopes import SCOPES
from common.web.fields import WHOLE, Count, Instant

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
