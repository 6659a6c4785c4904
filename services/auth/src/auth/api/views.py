"""What leaves auth."""

from datetime import date, datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from auth.domain.avatars import AVATAR
from auth.domain.roles import Role
from auth.tables import Account
from auth.usecases.open_session import Grant
from common import clock
from common.security.media_urls import MediaUrls


class UserView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    username: str | None
    first_name: str
    last_name: str
    phone: str | None
    birth_date: date | None
    address: str
    city: str
    pincode: str
    language: str
    time_zone: str
    role: Role
    roles: list[Role]
    is_active: bool
    email_confirmed: bool
    max_messages_per_day: int | None
    avatar_url: str | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, account: Account, media_urls: MediaUrls) -> Self:
        """`media_urls` signs the picture's URL: who gets this view can load it for an hour or two."""
        avatar_url = media_urls.signed(account.avatar_id, AVATAR) if account.avatar_id else None
        return cls.model_validate({**account.model_dump(), "roles": [account.role], "avatar_url": avatar_url})


class AccountView(UserView):
    """What administrators see besides; `erased_at` says that nothing personal is left of a deleted account."""

    deleted_at: datetime | None
    erased_at: datetime | None


class SignInView(BaseModel):
    """Times are in seconds from now. Who asked for cookies has the tokens there, and here the CSRF token instead."""

    access_token: str | None
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int
    refresh_token: str | None
    refresh_expires_in: int
    csrf_token: str | None
    user: UserView

    @classmethod
    def of(cls, grant: Grant, media_urls: MediaUrls, csrf_token: str | None = None) -> Self:
        by_cookies = csrf_token is not None
        return cls(
            access_token=None if by_cookies else grant.access.text,
            expires_in=grant.access.expires_in,
            refresh_token=None if by_cookies else grant.refresh_token,
            csrf_token=csrf_token,
            refresh_expires_in=int((grant.refresh_expires_at - clock.now()).total_seconds()),
            user=UserView.of(grant.account, media_urls),
        )


class TokenView(BaseModel):
    """A valid access token's content."""

    user_id: UUID
    session_id: UUID
    roles: list[str]
    scope: list[str]
    expires_at: datetime


class OtherSessionsView(BaseModel):
    """Where else one is signed in; `POST /auth/logout-all` with `keep_current` ends those sessions."""

    other_sessions: int
