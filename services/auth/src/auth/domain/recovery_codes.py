"""Codes for the day on which the authenticator app is lost: ten, each good for one sign-in."""

import secrets

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without what looks alike: i, l, o, 0 and 1."""
COUNT = 10
HALF = 6


def new_codes() -> list[str]:
    """`abcdef-ghjkmn`: 59 random bits each."""
    return ["-".join(_half() for _ in range(2)) for _ in range(COUNT)]


def normalised_code(code: str) -> str:
    """However it was typed: case, spaces and dashes do not matter."""
    return "".join(character for character in code.lower() if character.isalnum())


def _half() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(HALF))
