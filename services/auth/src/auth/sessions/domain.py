"""Rotation of refresh tokens, and names of devices.

A refresh token is used once, and its use creates its child. Two tabs of one browser may send the same token at the
same moment, so for a few seconds the immediate parent of the current token gets the same child again. Use of any
older token means that either it or its successor was stolen; which one cannot be known, so the session ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

IDLE_LIFETIME = timedelta(days=14)
MAX_LIFETIME = timedelta(days=90)
REUSE_GRACE = timedelta(seconds=20)

KEEP_ENDED_FOR = timedelta(days=30)
"""So that people can see where they were signed in."""
KEEP_UNUSED_DEVICES_FOR = timedelta(days=180)

MAX_DEVICE_NAME = 100
UNKNOWN_DEVICE = "Unknown device"

# The first match names the device: many browsers also claim to be their predecessors.
PROGRAMS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
    "Dart/": "Mobile app",
    "okhttp/": "Mobile app",
}
SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


class Rotation(Enum):
    """What a refresh token gets."""

    ROTATE = auto()
    REPEAT = auto()
    EXPIRED = auto()
    REUSED = auto()


@dataclass(frozen=True, slots=True)
class PresentedToken:
    """A refresh token that we issued. `rotated_at` is when it was used; `child_used`: its child was used as well."""

    issued_at: datetime
    rotated_at: datetime | None
    child_used: bool

    def rotation(self, session_expires_at: datetime, now: datetime) -> Rotation:
        if self.rotated_at is None:
            is_expired = now >= refresh_expiry(self.issued_at, session_expires_at)
            return Rotation.EXPIRED if is_expired else Rotation.ROTATE
        if self.child_used or now > self.rotated_at + REUSE_GRACE:
            return Rotation.REUSED
        return Rotation.REPEAT


def refresh_expiry(issued_at: datetime, session_expires_at: datetime) -> datetime:
    """When an unused token expires."""
    return min(issued_at + IDLE_LIFETIME, session_expires_at)


def device_name(given: str | None, user_agent: str | None) -> str:
    """The client's own name for it, else "Firefox on Linux", else the program's own name: "curl"."""
    if given:
        return given[:MAX_DEVICE_NAME]
    agent = user_agent or ""
    known = " on ".join(filter(None, (_first_match(PROGRAMS, agent), _first_match(SYSTEMS, agent))))
    return known or _printable(agent.partition("/")[0]) or UNKNOWN_DEVICE


def _first_match(names: dict[str, str], agent: str) -> str | None:
    return next((name for mark, name in names.items() if mark in agent), None)


def _printable(text: str) -> str:
    return "".join(character for character in text if character.isprintable()).strip()[:MAX_DEVICE_NAME]
