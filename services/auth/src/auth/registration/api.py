"""POST /auth/register and /auth/check-email, and POST /users for administrators."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, model_validator
from pydantic.config import JsonDict

from auth.accounts.domain import Role, is_above
from auth.dependencies import RequestingClient, Services
from auth.errors import (
    WEAK_PASSWORD,
    EmailTaken,
    PasswordsDiffer,
    PhoneTaken,
    RoleAboveOwn,
    SignInBusy,
    TooManyAttempts,
    UsernameTaken,
)
from auth.fields import (
    DailyMessages,
    Email,
    FirstName,
    Language,
    LastName,
    OwnUsername,
    Password,
    Phone,
    TimeZone,
    Username,
)
from auth.passwords.domain import check_password
from auth.registration.usecases import NewAccount, create_user, is_email_available, register
from auth.services import AuthServices
from auth.timing import constant_time
from auth.views import AccountView, UserView
from common.openapi.errors import errors
from common.security.tokens import Identity
from common.web.dependencies import Begin, may
from common.web.envelope import Envelope, created, ok

router = APIRouter()

Administrator = Annotated[Identity, may("accounts.manage")]

EXAMPLE: JsonDict = {
    "email": "neema@example.com",
    "password": "karanga-na-asali-42",
    "first_name": "Neema",
    "last_name": "Mushi",
    "language": "sw",
    "time_zone": "Africa/Dar_es_Salaam",
}
REGISTRATION_ERRORS = (EmailTaken, PasswordsDiffer, PhoneTaken, SignInBusy, UsernameTaken, *WEAK_PASSWORD)


class Registration(BaseModel):
    """`password_confirm`, if given, must equal `password`."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    email: Email
    password: Password
    password_confirm: Password | None = None
    username: OwnUsername | None = None
    first_name: FirstName = ""
    last_name: LastName = ""
    phone: Phone | None = None
    whatsapp_number: Phone | None = None
    language: Language = "en"
    time_zone: TimeZone = "UTC"

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, data: object) -> object:
        """Forms send an empty text for a field that was not filled in."""
        optional = ("username", "phone", "whatsapp_number")
        return {k: v for k, v in data.items() if not (k in optional and v == "")} if isinstance(data, dict) else data

    async def new_account(self, services: AuthServices) -> NewAccount:
        """Raises PasswordsDiffer, SignInBusy, or an error of WEAK_PASSWORD."""
        if self.password_confirm not in (None, self.password):
            raise PasswordsDiffer
        personal_data = (self.email, self.username, self.first_name, self.last_name)
        password_hash = await services.hashing.hash(check_password(self.password, personal_data))
        profile: dict[str, Any] = self.model_dump(exclude={"email", "password", "password_confirm"})
        return NewAccount(self.email, password_hash, profile)


class NewUser(Registration):
    """Created by an administrator, who may choose the role and give a reserved username."""

    username: Username | None = None
    role: Role = "customer"
    max_messages_per_day: DailyMessages | None = None


class AvailabilityRequest(BaseModel):
    email: Email


class AvailabilityView(BaseModel):
    """`available` is null if this installation does not reveal who has an account."""

    available: bool | None


@router.post("/auth/register", status_code=201, summary="Create an account", responses=errors(*REGISTRATION_ERRORS))
async def post_register(
    body: Registration, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[UserView]:
    new = await body.new_account(services)
    async with begin() if services.reveals_account_existence else constant_time(begin) as tx:
        account = await register(tx, new, client, services)
    return created(UserView.of(account, services.media_urls), "Welcome")


@router.post("/auth/check-email", summary="Whether an e-mail address is free", responses=errors(TooManyAttempts))
async def post_check_email(
    body: AvailabilityRequest, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[AvailabilityView]:
    async with constant_time(begin) as tx:
        available = await is_email_available(tx, body.email, client, services.per_address)
    return ok(AvailabilityView(available=available if services.reveals_account_existence else None))


@router.post("/users", status_code=201, summary="Create a user", responses=errors(RoleAboveOwn, *REGISTRATION_ERRORS))
async def post_user(
    body: NewUser, admin: Administrator, client: RequestingClient, begin: Begin, services: Services
) -> Envelope[AccountView]:
    if is_above(body.role, admin.roles):
        raise RoleAboveOwn
    new = await body.new_account(services)
    async with begin() as tx:
        account = await create_user(tx, new, admin.user_id, client, services)
    return created(AccountView.of(account, services.media_urls))
