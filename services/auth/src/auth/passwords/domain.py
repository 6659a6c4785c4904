"""Which passwords are accepted: long enough, not common, unlike the person's data. No composition rules (ASVS 5)."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher

from auth.errors import PasswordTooCommon, PasswordTooLong, PasswordTooShort, PasswordTooSimilar

MIN_LENGTH = 8
MAX_LENGTH = 128
MAX_SIMILARITY = 0.7
MIN_OWN_CHARACTERS = 5
"""Characters that a password must have besides a part of the person's data."""

RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
    "112233445566778899",
    "123123123123123123",
    "abcabcabcabcabcabc",
    "abc123abc123abc123",
)

# What people choose first. Only words that reach eight characters with a usual ending are listed.
WORDS = """
aaron123 abcd1234 access account admin admin123 administrator airplane alexander america andrea andrew angel angels
animal anthony apple apples arsenal asdf1234 asdfasdf ashley austin baby babygirl badboy banana barcelona baseball
basketball batman beautiful benjamin biteme blahblah blessed blessing blink182 bond007 brandon butterfly buster
cameron candy carlos changeit changeme charlie cheese chelsea chicken chocolate chris christian christopher computer
cookie corvette cowboy cristina crystal daniel danielle darkness database david default demo dennis destiny diamond
dolphin dragon dukan dukani eagle eagles elephant elizabeth everton facebook familia family ferrari flower flowers
football forever formula1 freedom friend friends gabriel gandalf garfield genius george gfhjkm ginger godisgood golden
golfer google guest hahaha hannah happy harley hello hello123 hellokitty hockey hunter iloveu iloveyou iloveyou1
internet isabella jackson jasmine jehovah jennifer jessica jessie jesus jesuschrist jonathan jordan jordan23 joseph
joshua junior justin karibu kenya killer kitten kristina ladybug laptop lauren letmein letmein1 liberty liverpool
login london lovely loveme lover loveyou lucky maggie manager manchester manutd marina marlboro martin master matrix
matthew maverick mercedes merlin michael michelle mickey midnight monkey monster morgan mother mustang mwanza
mypassword nairobi naruto natasha nathan newpass newyork nicholas nicole nirvana nothing nyasubi october oliver orange
p4ssw0rd p@ssw0rd p@ssword pakistan pass1234 passion passw0rd password password1 password123 patrick peaches peanut
pepper phoenix please pokemon prince princess private purple qwerty qwerty123 qwertyui rachel rainbow realmadrid
rebecca richard robert rockstar rockyou ronaldo root samantha samsung sandra sample scooter secret secret123 security
serenity service shadow shannon shopping silver simba slipknot smokey snoopy soccer softball spiderman starwars
steelers steven summer sunflower sunshine superman superstar support sweety sweetheart system tanzania tanzania1
taylor teacher temp1234 tennis test test1234 testtest thomas thunder tigger tigers tinkerbell trustno1 twilight uganda
unknown user username vanessa victor victoria vincent wachawi welcome welcome1 whatever william william1 windows
winner winter wizard wonderful yamaha yankees zanzibar zaq12wsx
"""

COMMON = frozenset(WORDS.split())


@dataclass(frozen=True, slots=True)
class Verification:
    """`is_outdated`: the password matches, but was hashed with former parameters."""

    matches: bool
    is_outdated: bool = False


def normalised(password: str) -> str:
    """The form that is hashed: one keyboard's é is another's e and accent (NFKC, as SASLprep's successors do)."""
    return unicodedata.normalize("NFKC", password)


def check_password(password: str, personal_data: Iterable[str | None] = (), *, field: str = "password") -> str:
    """The password in the form to hash. Raises PasswordTooShort and its siblings, which name `field`.

    `personal_data` is what others may know about the person: e-mail, username, names.
    """
    password = normalised(password)
    if len(password) < MIN_LENGTH:
        raise PasswordTooShort(field=field)
    if len(password) > MAX_LENGTH:
        raise PasswordTooLong(field=field)
    if _is_common(password.lower()):
        raise PasswordTooCommon(field=field)
    if any(_resembles(password.lower(), part) for part in _parts(personal_data)):
        raise PasswordTooSimilar(field=field)
    return password


def _is_common(password: str) -> bool:
    if len(set(password)) < 3 or any(password in run or password in run[::-1] for run in RUNS):
        return True
    core = password.strip("0123456789!@#$%^&*()-_=+.,?~ ")
    # The core counts only if it is most of the password: "sunshine" and "sunshine1!" are the same guess.
    return password in COMMON or (core in COMMON and len(password) - len(core) <= 5)


def _parts(personal_data: Iterable[str | None]) -> Iterable[str]:
    for text in filter(None, personal_data):
        known = text.lower()
        yield known
        if "@" in known:
            yield known.partition("@")[0]
            yield known.partition("@")[2].partition(".")[0]


def _resembles(password: str, part: str) -> bool:
    if len(part) < 4:
        return False
    if part in password and len(password) - len(part) < MIN_OWN_CHARACTERS:
        return True
    return SequenceMatcher(None, password, part).ratio() >= MAX_SIMILARITY
