"""What the letters to a person hold, read as notifications would, out of the outbox."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from services.auth.tests.people import Door, data

from common.contracts.auth import EmailChangeRequested, EmailConfirmationRequested, PasswordResetRequested
from common.contracts.event import Event
from common.security.encryption import LOCAL_SECRET, Seal

EVENTS: dict[str, type[Event]] = {
    "confirm_email": EmailConfirmationRequested,
    "reset_password": PasswordResetRequested,
    "change_email": EmailChangeRequested,
}


@dataclass(frozen=True)
class Sent:
    code: str
    link: str

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.link).query)["token"][0]

    @property
    def wrong(self) -> str:
        """A code that this one is not."""
        return f"{(int(self.code) + 1) % 1_000_000:06}"


async def letters(door: Door, user: dict[str, Any], purpose: str) -> list[Sent]:
    """Oldest first; a letter without a code has an empty one."""
    told = await door.told(EVENTS[purpose], user["id"])
    opened = [Seal(LOCAL_SECRET).open(event.sealed, f"{purpose}/{user['id']}") for event in told]
    return [Sent(content["code"] or "", content["link"] or "") for content in opened]


async def asked(door: Door, user: dict[str, Any], **options: Any) -> Sent:
    """The letter to somebody who forgot the password."""
    data(await door.post("/auth/otp/send", {"email": user["email"], "purpose": "reset_password"}, **options), 202)
    return (await letters(door, user, "reset_password"))[-1]


async def verify(door: Door, user: dict[str, Any], code: str, **options: Any) -> Any:
    return await door.post("/auth/otp/verify", {"email": user["email"], "code": code}, **options)


async def confirm(door: Door, user: dict[str, Any], code: str) -> Any:
    return await door.post("/auth/email/confirm", {"email": user["email"], "code": code})
