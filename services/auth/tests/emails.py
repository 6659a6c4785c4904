"""The contents of e-mails to a person, read from the outbox as notifications reads them."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.auth.tests.harness import AuthApi, data

from common.contracts.auth import EmailChangeRequested, EmailConfirmationRequested, PasswordResetRequested
from common.contracts.event import Event
from common.security.encryption import LOCAL_SECRET, Seal

EVENTS: dict[str, type[Event]] = {
    "confirm_email": EmailConfirmationRequested,
    "reset_password": PasswordResetRequested,
    "change_email": EmailChangeRequested,
}


@dataclass(frozen=True)
class ReadEmail:
    code: str
    link: str

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.link).query)["token"][0]

    @property
    def wrong(self) -> str:
        """Another code than this one."""
        return f"{(int(self.code) + 1) % 1_000_000:06}"


async def emails_to(api: AuthApi, user: dict[str, Any], purpose: str) -> list[ReadEmail]:
    """Oldest first; an e-mail without a code has an empty one."""
    events = await api.published(EVENTS[purpose], user["id"])
    opened = [Seal(LOCAL_SECRET).open(event.sealed, f"{purpose}/{user['id']}") for event in events]
    return [ReadEmail(content["code"] or "", content["link"] or "") for content in opened]


async def request_reset(api: AuthApi, user: dict[str, Any], **options: Any) -> ReadEmail:
    """The e-mail to somebody who forgot the password."""
    data(await api.post("/auth/otp/send", {"email": user["email"], "purpose": "reset_password"}, **options), 202)
    return (await emails_to(api, user, "reset_password"))[-1]


async def verify(api: AuthApi, user: dict[str, Any], code: str, **options: Any) -> Any:
    return await api.post("/auth/otp/verify", {"email": user["email"], "code": code}, **options)


async def confirm(api: AuthApi, user: dict[str, Any], code: str) -> Any:
    return await api.post("/auth/email/confirm", {"email": user["email"], "code": code})
