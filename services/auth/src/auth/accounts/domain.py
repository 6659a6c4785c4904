"""Roles, and the one accepted spelling of e-mail addresses, usernames and phone numbers, so that they can be unique."""

import re
from typing import Literal, get_args

Role = Literal["customer", "staff", "admin"]
"""One role per account; each includes the rights of those before it."""

RANKING: tuple[Role, ...] = get_args(Role)

AVATAR_VARIANT = "medium"
"""The variant of the picture, stored by catalog, that is shown beside a name."""

USERNAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{1,28})[A-Za-z0-9]")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")
PUNCTUATION = str.maketrans("", "", " -.()\u00a0")


def is_demotion(before: Role, after: Role) -> bool:
    """Whether the account loses rights that its access tokens still carry."""
    return RANKING.index(after) < RANKING.index(before)


def normalised_email(email: str) -> str:
    """The form in which an address is stored and compared: mail hosts do not distinguish case."""
    return email.strip().lower()


def check_username(username: str) -> str:
    """The username as given. It never contains an @, so it cannot be mistaken for an e-mail address."""
    if not USERNAME.fullmatch(username):
        raise ValueError(
            "A username is 3 to 30 letters, digits, dots, dashes or underscores, with a letter or digit at both ends"
        )
    return username


def normalised_phone(phone: str) -> str:
    """E.164: + and 7 to 15 digits. Spaces, dashes, dots and brackets are dropped."""
    number = phone.translate(PUNCTUATION)
    if not E164.fullmatch(number):
        raise ValueError("A phone number is in international form: +255712345678")
    return number
