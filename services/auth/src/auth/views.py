"""Response bodies that several features share."""

from datetime import date, datetime
from typing import Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from auth.accounts.domain import AVATAR_VARIANT, Role
from auth.accounts.usecases import Account
from auth.fields import AccessTokenText, CsrfToken, DeviceToken, RefreshToken, Seconds
from auth.services import AuthServices
from auth.sessions.usecases.open_session import TokenPair
from common import clock
from common.security.media_urls import MediaUrls
from common.web import fields


class UserView(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: fields.EmailAddress
    username: fields.Username | None
    first_name: fields.FirstName
    last_name: fields.LastName
    phone: fields.Phone | None
    whatsapp_number: fields.Phone | None
    birth_date: date | None
    address: fields.AddressLine
    city: fields.City
    pincode: fields.PostalCode
    language: fields.LanguageTag
    time_zone: fields.TimeZoneName
    role: Role
    roles: list[Role]
    is_active: bool
    email_confirmed: bool
    max_messages_per_day: fields.Count | None
    avatar_url: fields.MediaPath | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, account: Account, media_urls: MediaUrls) -> Self:
        """`media_urls` signs the avatar's URL, which is valid for one to two hours."""
        avatar_url = media_urls.signed(account.avatar_id, AVATAR_VARIANT) if account.avatar_id else None
        return cls.model_validate({**account.model_dump(), "roles": [account.role], "avatar_url": avatar_url})


class AccountView(UserView):
    """A user as administrators see them; `erased_at`: personal data of the deleted account was removed."""

    deleted_at: datetime | None
    erased_at: datetime | None


class SignInView(BaseModel):
    """Durations are in seconds from now. With `cookies` the tokens are in cookies, and the body has the CSRF token.

    A sign-in gives a `device_token`. Sent as `X-Device-Token` with the next sign-in, or by its cookie, it keeps wrong
    passwords of others from delaying the owner.
    """

    access_token: AccessTokenText | None
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: Seconds
    refresh_token: RefreshToken | None
    refresh_expires_in: Seconds
    csrf_token: CsrfToken | None
    device_token: DeviceToken | None
    user: UserView

    @classmethod
    def of(cls, tokens: TokenPair, services: AuthServices, csrf_token: str | None = None) -> Self:
        by_cookies = csrf_token is not None
        return cls(
            access_token=None if by_cookies else tokens.access.text,
            expires_in=tokens.access.expires_in,
            refresh_token=None if by_cookies else tokens.refresh_token,
            csrf_token=csrf_token,
            refresh_expires_in=int((tokens.refresh_expires_at - clock.now()).total_seconds()),
            device_token=None if by_cookies else services.device_token(tokens.account.id, tokens.device_id),
            user=UserView.of(tokens.account, services.media_urls),
        )


class OtherSessionsView(BaseModel):
    """The account's other live sessions; `POST /auth/logout-all` with `keep_current` ends them."""

    other_sessions: fields.Count
