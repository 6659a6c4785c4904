"""Recovery codes, for when the authenticator app is lost: ten, each valid for one sign-in."""

import secrets

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without characters that look alike: i, l, o, 0 and 1."""
RECOVERY_CODES = 10
GROUP_LENGTH = 6


def new_recovery_codes() -> list[str]:
    """`abcdef-ghjkmn`: 59 random bits each."""
    return ["-".join(_random_group() for _ in range(2)) for _ in range(RECOVERY_CODES)]


def normalised_code(code: str) -> str:
    """Case, spaces and dashes do not matter."""
    return "".join(character for character in code.lower() if character.isalnum())


def _random_group() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(GROUP_LENGTH))
