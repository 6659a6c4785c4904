"""Kinds of text that people type, checked once."""

from collections.abc import Callable
from typing import Annotated
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from auth.domain.identifiers import check_username, normalised_email, normalised_phone
from common.errors import Invalid

ZONES = frozenset(available_timezones())


def _email(text: str) -> str:
    try:
        # The reserved domain .test is let in: demonstrations and tests live there.
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    return normalised_email(checked.normalized)


def _refusing(check: Callable[[str], str]) -> Callable[[str], str]:
    """A domain rule as a validator."""

    def validate(text: str) -> str:
        try:
            return check(text)
        except Invalid as error:
            raise ValueError(error.message) from error

    return validate


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("This holds characters that cannot be printed")
    return text


def _zone(text: str) -> str:
    if text not in ZONES:
        raise ValueError("This is no IANA time zone, such as Africa/Dar_es_Salaam")
    return text


def _stripped(limit: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, max_length=limit, pattern=pattern)


Email = Annotated[str, _stripped(254), AfterValidator(_email)]
Username = Annotated[str, _stripped(30), AfterValidator(_refusing(check_username))]
Phone = Annotated[str, _stripped(30), AfterValidator(_refusing(normalised_phone))]
Name = Annotated[str, _stripped(100), AfterValidator(_printable)]
Line = Annotated[str, _stripped(300), AfterValidator(_printable)]
Language = Annotated[str, _stripped(35, r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
TimeZone = Annotated[str, _stripped(64), AfterValidator(_zone)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
"""Longer than any password may be, so that the rule that names the limit can answer."""
MailedCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
OneTimeToken = Annotated[
    str, StringConstraints(min_length=1, max_length=200), Field(examples=["h7Jd2kLm9QwXz4RtYb6NcVp1"])
]
RefreshToken = Annotated[str, StringConstraints(min_length=1, max_length=200)]
FactorCode = Annotated[str, _stripped(20)]
"""Of an authenticator app, or a recovery code."""
AddressText = Annotated[
    str | None,
    BeforeValidator(lambda address: str(address) if address else None),
    Field(examples=["203.0.113.7"]),
]
"""An address as the database gives it."""
