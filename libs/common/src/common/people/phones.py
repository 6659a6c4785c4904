"""Telephone numbers as E.164: `+255712345678`.

Read by the numbering plans of libphonenumber, so that `+255 (0)712-345-678` loses its trunk zero and an Italian number
keeps it. A number must be one that can be dialled: the right country and length. It need not be in a range that the
library knows as assigned: plans change more often than it is updated.
"""

import re
from unicodedata import category

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    is_valid_number,
    parse,
)
from phonenumbers.phonenumber import PhoneNumber

from common.people.errors import RuleError

CODE = "invalid_phone"
MESSAGE = "A phone number is in international form: +255712345678"

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
WRITTEN = re.compile(r"[+\uff0b]?[\d\s().\-/\u2010-\u2015\uff08\uff09\uff0d\uff0e]+")
"""What people write. The library also reads letters as the keys they are on, and extensions."""


class DefaultRegion:
    """The country of numbers without a country code; without one such numbers are refused. One per process: it is the
    installation's (DUKAN_PHONE_REGION)."""

    def __init__(self) -> None:
        self.code = ""


DEFAULT_REGION = DefaultRegion()


def check_region(code: str) -> str:
    """Raises ValueError unless it is empty or a country that has telephone numbers."""
    if code and code not in SUPPORTED_REGIONS:
        raise ValueError(f"{code!r} is not a country code in capitals, such as TZ")
    return code


def normalised_phone(text: str, region: str | None = None) -> str:
    """The number in E.164. Raises RuleError.

    `region` is the country of numbers without a country code: by default the installation's.
    """
    if any(category(character) == "Cc" for character in text):
        raise RuleError(CODE, MESSAGE)
    # Numbers that are copied from a list of contacts come with invisible marks of direction.
    visible = "".join(character for character in text if category(character) != "Cf").strip()
    if not WRITTEN.fullmatch(visible):
        raise RuleError(CODE, MESSAGE)
    try:
        number = parse(visible, (DEFAULT_REGION.code if region is None else region) or None)
    except NumberParseException as error:
        raise RuleError(CODE, MESSAGE) from error
    if not _can_be_dialled(number):
        raise RuleError(CODE, MESSAGE)
    return format_number(number, PhoneNumberFormat.E164)


def is_e164(number: str | None) -> bool:
    return number is not None and E164.fullmatch(number) is not None


def _can_be_dialled(number: PhoneNumber) -> bool:
    if is_valid_number(number):
        return True
    has_right_length = is_possible_number_with_reason(number) == ValidationResult.IS_POSSIBLE
    return has_right_length and not number.italian_leading_zero
