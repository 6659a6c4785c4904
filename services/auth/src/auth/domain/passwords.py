"""Which passwords are accepted: long enough, not common, not the person's own name. No composition rules (ASVS 5)."""

import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher

from auth.domain.common_passwords import COMMON, RUNS
from common.errors import Invalid

SHORTEST = 8
LONGEST = 128
SIMILAR = 0.7
OWN_CHARACTERS = 5
"""A password must have this many characters besides what it takes from the person's data."""


def normalised(password: str) -> str:
    """The form that is hashed: one keyboard's é is another's e and accent (NFKC, as SASLprep's successors do)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, about: Iterable[str | None] = ()) -> str:
    """The password in the form to hash. Raises Invalid naming `password`.

    `about` is what others know of the person: e-mail, username, names.
    """
    password = normalised(password)
    if len(password) < SHORTEST:
        raise _weak("password_too_short", f"A password has at least {SHORTEST} characters")
    if len(password) > LONGEST:
        raise _weak("password_too_long", f"A password has at most {LONGEST} characters")
    if _is_common(password.lower()):
        raise _weak("password_too_common", "This password is among the first that anyone would try")
    if any(_resembles(password.lower(), part) for part in _parts(about)):
        raise _weak("password_too_similar", "The password resembles your name or e-mail address")
    return password


def _weak(code: str, message: str) -> Invalid:
    return Invalid(message, code=code, field="password")


def _is_common(password: str) -> bool:
    if len(set(password)) < 3 or any(password in run or password in run[::-1] for run in RUNS):
        return True
    core = password.strip("0123456789!@#$%^&*()-_=+.,?~ ")
    # What remains is judged only when it is most of the password: "sunshine" and "sunshine1!" are the same guess.
    return password in COMMON or (core in COMMON and len(password) - len(core) <= 5)


def _parts(about: Iterable[str | None]) -> Iterable[str]:
    for text in filter(None, about):
        known = text.lower()
        yield known
        if "@" in known:
            yield known.partition("@")[0]
            yield known.partition("@")[2].partition(".")[0]


def _resembles(password: str, part: str) -> bool:
    if len(part) < 4:
        return False
    if part in password and len(password) - len(part) < OWN_CHARACTERS:
        return True
    return SequenceMatcher(None, password, part).ratio() >= SIMILAR
