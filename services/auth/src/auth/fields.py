"""Types of fields in auth's requests and responses: their validation and their examples."""

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from common.errors import UnknownTimeZone
from common.web import fields
from common.web.people import EMAIL, NAME, OWN_USERNAME, PHONE, USERNAME
from common.web.places import LANGUAGE
from common.web.time_zones import find_zone


def _time_zone(text: str) -> str:
    """The zone's name in its usual case."""
    try:
        return find_zone(text).key
    except UnknownTimeZone as error:
        raise PydanticCustomError(error.code, "{text}", {"text": error.message}) from error


def _stripped(max_length: int, pattern: str | None = None) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, max_length=max_length, pattern=pattern)


Email = Annotated[fields.EmailAddress, _stripped(254), EMAIL]
OwnUsername = Annotated[fields.Username, _stripped(30), OWN_USERNAME]
"""Chosen by its owner; administrators also give those that are reserved."""
Username = Annotated[fields.Username, _stripped(30), USERNAME]
Phone = Annotated[fields.Phone, _stripped(40), PHONE]
FirstName = Annotated[fields.FirstName, _stripped(100), NAME]
LastName = Annotated[fields.LastName, _stripped(100), NAME]
City = Annotated[fields.City, _stripped(100), NAME]
Name = Annotated[str, _stripped(100), NAME, Field(examples=["Neema's phone"])]
"""The name of a device, a passkey or an API key."""
Line = Annotated[fields.AddressLine, _stripped(300), NAME]
Pincode = Annotated[fields.PostalCode, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9 -]{0,12}$")]
Language = Annotated[fields.LanguageTag, _stripped(35), LANGUAGE]
TimeZone = Annotated[fields.TimeZoneName, _stripped(64), AfterValidator(_time_zone)]
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
DeviceToken = Annotated[str, Field(examples=["AZwfDHoQez6fUmofDJ0uEU3q6m1bqQmGv2Yq0Xc7sR4tKjHgFdSaPo"])]
Seconds = Annotated[int, Field(examples=[900])]
DailyMessages = Annotated[int, Field(ge=0, le=1_000_000, examples=[500]), fields.WHOLE]
FactorCode = Annotated[str, _stripped(20), Field(examples=["482913"])]
"""A code of an authenticator app, or a recovery code."""
AddressText = Annotated[
    fields.IpAddress | None,
    BeforeValidator(lambda address: str(address) if address else None),
]
"""An IP address as the database returns it."""
