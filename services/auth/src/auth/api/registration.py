"""POST /auth/register."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.config import JsonDict

from auth.api import refused
from auth.api.context import Identifying, RequestingClient
from auth.api.evened import evened
from auth.api.fields import Email, Language, Name, Password, Phone, TimeZone, Username
from auth.api.views import UserView
from auth.domain.passwords import check_password
from auth.usecases.register import register
from common.errors import Invalid
from common.web.dependencies import Begin
from common.web.envelope import Envelope, created

router = APIRouter()


NEEMA: JsonDict = {
    "email": "neema@example.com",
    "password": "karanga-na-asali-42",
    "first_name": "Neema",
    "last_name": "Mushi",
    "language": "sw",
    "time_zone": "Africa/Dar_es_Salaam",
}


class Registration(BaseModel):
    """`password_confirm`, when given, must be the same."""

    model_config = ConfigDict(json_schema_extra={"examples": [NEEMA]})

    email: Email
    password: Password
    password_confirm: Password | None = None
    username: Username | None = None
    first_name: Name = ""
    last_name: Name = ""
    phone: Phone | None = None
    language: Language = "en"
    time_zone: TimeZone = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, data: object) -> object:
        """Forms send an empty text for what was not filled in."""
        optional = ("username", "phone")
        return {k: v for k, v in data.items() if not (k in optional and v == "")} if isinstance(data, dict) else data

    def checked_password(self) -> str:
        if self.password_confirm not in (None, self.password):
            raise Invalid("The two passwords differ", code="passwords_differ", field="password_confirm")
        return check_password(self.password, (self.email, self.username, self.first_name, self.last_name))


@router.post("/auth/register", status_code=201, summary="Open an account", responses=refused.REGISTERING)
async def post_register(
    body: Registration, client: RequestingClient, begin: Begin, identification: Identifying
) -> Envelope[UserView]:
    password_hash = await identification.hashing.hash(body.checked_password())
    profile = body.model_dump(exclude={"email", "password", "password_confirm"})
    async with begin() if identification.existence_replies else evened(begin) as tx:
        account = await register(
            tx,
            body.email,
            password_hash,
            profile,
            client,
            codes=identification.codes,
            tell_taken=identification.existence_replies,
        )
    return created(UserView.of(account, identification.media_urls), "Welcome")
