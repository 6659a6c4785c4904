"""Types of fields that several services share: how they are read, and the example that the OpenAPI document shows.

pydantic reads some kinds of input more generously than the OpenAPI document says, `0.5` as a time and `true` as 1;
WHOLE, Instant and Day do not. The others only bring an example; a field adds its own bounds:

    title: Annotated[Title, Field(min_length=1, max_length=200)]
"""

import re
from datetime import date, datetime
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError

DAY = re.compile(r"\d{4}-\d\d-\d\d")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*")


def _instant(value: object) -> object:
    if not isinstance(value, datetime) and not (isinstance(value, str) and INSTANT.fullmatch(value)):
        raise PydanticCustomError("invalid_time", "Should be a time with its offset, such as 2026-01-31T08:00:00Z")
    return value


def _day(value: object) -> object:
    """One code for each reason: pydantic has another for the 31st of February."""
    try:
        if isinstance(value, str) and DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    if isinstance(value, date):
        return value
    raise PydanticCustomError("invalid_date", "Should be a date, such as 2026-01-31")


def _number(value: object) -> object:
    if isinstance(value, str | bool):
        raise PydanticCustomError("wrong_type", "Should be a whole number")
    return value


WHOLE = BeforeValidator(_number)
"""Beside `int` in a body: `5` and `5.0` are whole numbers, `"5"` and `true` are not. The last of the annotations, so
that bounds stay in the document."""

Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""A time with its offset, as RFC 3339 writes it; for parameters of the query."""

Day = Annotated[date, BeforeValidator(_day)]
"""A date as RFC 3339 writes it."""

EmailAddress = Annotated[str, Field(examples=["neema@example.com"])]
Phone = Annotated[str, Field(description="E.164", examples=["+255712345678"])]
FirstName = Annotated[str, Field(examples=["Neema"])]
LastName = Annotated[str, Field(examples=["Mushi"])]
PersonName = Annotated[str, Field(examples=["Neema Mushi"])]
Username = Annotated[str, Field(examples=["neema"])]
AddressLine = Annotated[str, Field(examples=["12 Uhuru Street"])]
City = Annotated[str, Field(examples=["Moshi"])]
Region = Annotated[str, Field(examples=["Kilimanjaro"])]
PostalCode = Annotated[str, Field(examples=["25101"])]
CountryCode = Annotated[str, Field(description="ISO 3166-1 alpha-2", examples=["TZ"])]
LanguageTag = Annotated[str, Field(description="BCP 47", examples=["sw"])]
TimeZoneName = Annotated[str, Field(description="IANA", examples=["Africa/Nairobi"])]
IpAddress = Annotated[str, Field(examples=["203.0.113.7"])]
UserAgent = Annotated[str, Field(examples=["Mozilla/5.0 (Linux; Android 15) Chrome/142.0"])]
Url = Annotated[str, Field(examples=["https://shop.example.com/kanga"])]
MediaPath = Annotated[str, Field(examples=["/api/v1/media/019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e11/small"])]
Title = Annotated[str, Field(examples=["Kanga, pair"])]
Slug = Annotated[str, Field(examples=["kanga-pair"])]
Sku = Annotated[str, Field(examples=["KNG-204"])]
Note = Annotated[str, Field(examples=["Please ring twice"])]
Reason = Annotated[str, Field(examples=["the customer asked for it"])]
OrderNumber = Annotated[str, Field(examples=["DK-2026-000042"])]
ProviderName = Annotated[str, Field(examples=["sandbox"])]
EventType = Annotated[str, Field(examples=["orders.order.placed.v1"])]
RequestId = Annotated[str, Field(examples=["019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e10"])]
ErrorText = Annotated[str, Field(examples=["ConnectionError: the provider did not answer"])]
Count = Annotated[int, Field(examples=[3])]
