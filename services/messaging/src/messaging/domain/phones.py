"""Telephone numbers as E.164: `+255712345678`."""

import re

E164 = r"^\+[1-9][0-9]{6,14}$"

_e164 = re.compile(E164)


def is_e164(number: str | None) -> bool:
    return number is not None and _e164.fullmatch(number) is not None
