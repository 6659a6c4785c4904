"""Kinds of input that pydantic takes more generously than the OpenAPI document says: `0.5` as a time, `true` as 1."""

import re
from datetime import date
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator

DAY = re.compile(r"\d{4}-\d\d-\d\d")
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*")


def _instant(value: object) -> object:
    if isinstance(value, str) and not INSTANT.fullmatch(value):
        raise ValueError("This is no RFC 3339 time, such as 2026-01-31T08:00:00Z")
    return value


def _day(value: object) -> object:
    if not isinstance(value, date) and not (isinstance(value, str) and DAY.fullmatch(value)):
        raise ValueError("This is no date, such as 2026-01-31")
    return value


def _number(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("This is no whole number")  # noqa: TRY004 (pydantic makes a refusal of it)
    return value


WHOLE = BeforeValidator(_number)
"""Beside `int` in a body: `5` and `5.0` are whole numbers, `"5"` and `true` are not. The last of the annotations, so
that bounds stay in the document."""

Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]
"""A time with its offset, as RFC 3339 writes it; for parameters of the query."""

Day = Annotated[date, BeforeValidator(_day)]
"""A date as RFC 3339 writes it."""
