"""Types of fields in auth's requests and responses: their validation and their examples."""

from collections.abc import Callable
from typing import Annotated
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from auth.accounts.domain import check_username, normalised_email, normalised_phone
from common.web import fields

TIME_ZONES = frozenset(available_timezones())


def _email(text: str) -> str:
    try:
        # The reserved domain .test is allowed: demonstrations and tests use it.
        checked = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error
    return normalised_email(checked.normalized)


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("This contains characters that cannot be printed")
    return text


def _time_zone(text: str) -> str:
    if text not in TIME_ZONES:
        raise ValueError("This is not an IANA time zone, such as Africa/Dar_es_Salaam")
    return text


def _stripped(max_length: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, max_length=max_length, pattern=pattern)


def _text(max_length: int, check: Callable[[str], str] = _printable) -> tuple[StringConstraints, AfterValidator]:
    return _stripped(max_length), AfterValidator(check)


Email = Annotated[fields.EmailAddress, *_text(254, _email)]
Username = Annotated[fields.Username, *_text(30, check_username)]
Phone = Annotated[fields.Phone, *_text(30, normalised_phone)]
FirstName = Annotated[fields.FirstName, *_text(100)]
LastName = Annotated[fields.LastName, *_text(100)]
City = Annotated[fields.City, *_text(100)]
Name = Annotated[str, *_text(100), Field(examples=["Neema's phone"])]
"""The name of a device, a passkey or an API key."""
Line = Annotated[fields.AddressLine, *_text(300)]
Pincode = Annotated[fields.PostalCode, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9 -]{0,12}$")]
Language = Annotated[fields.LanguageTag, _stripped(35, r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
TimeZone = Annotated[fields.TimeZoneName, *_text(64, _time_zone)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024), Field(examples=["karanga-na-asali-42"])]
"""Longer than any accepted password, so that the error of the password rules names the limit."""
EmailedCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$"), Field(examples=["482913"])]
OneTimeToken = Annotated[
    str, StringConstraints(min_length=1, max_length=200), Field(examples=["h7Jd2kLm9QwXz4RtYb6NcVp1"])
]
AccessTokenText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=8192),
    Field(examples=["eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJuZWVtYSJ9.c2lnbmF0dXJl"]),
]
RefreshToken = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(examples=["mB3xQ8vK1sZt7WcYp2LdRf6NhJg9aEuT0oIiXqVb"]),
]
CsrfToken = Annotated[str, Field(examples=["Zk4tq1c9yXw2dVfP8mLsR6bNjH3gTaEu7oKiWxCzQvU"])]
Seconds = Annotated[int, Field(examples=[900])]
DailyMessages = Annotated[int, Field(ge=0, le=1_000_000, examples=[500]), fields.WHOLE]
FactorCode = Annotated[str, _stripped(20), Field(examples=["482913"])]
"""A code of an authenticator app, or a recovery code."""
AddressText = Annotated[
    fields.IpAddress | None,
    BeforeValidator(lambda address: str(address) if address else None),
]
"""An IP address as the database returns it."""
