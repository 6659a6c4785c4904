"""E-mail addresses, usernames and phone numbers: one spelling each, so that they can be unique."""

import re

from common.errors import Invalid

USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{1,28})[A-Za-z0-9]")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
PUNCTUATION = str.maketrans("", "", " -.()\u00a0")


def normalised_email(email: str) -> str:
    """The form in which an address is stored, compared and written to: no mail host tells its case apart."""
    return email.strip().lower()


def check_username(username: str) -> str:
    """The username as chosen. An @ is never part of it, so it cannot be taken for an e-mail address."""
    if not USERNAME.fullmatch(username):
        raise Invalid(
            "A username is 3 to 30 letters, digits, dots, dashes or underscores, with a letter or digit at both ends",
            code="username_invalid",
            field="username",
        )
    return username


def normalised_phone(phone: str) -> str:
    """E.164: + and 7 to 15 digits. Spaces, dashes, dots and brackets are dropped."""
    number = phone.translate(PUNCTUATION)
    if not E164.fullmatch(number):
        raise Invalid("A phone number is in international form: +255712345678", code="phone_invalid", field="phone")
    return number
