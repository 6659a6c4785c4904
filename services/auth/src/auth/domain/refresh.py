"""Rotation of refresh tokens: each is used once, and its use makes its child.

Two tabs of one browser may send the same token at the same moment. So the immediate parent of the current token gets
the same child again for a few seconds. Any older token has been stolen, or has been kept by a thief's victim: nobody
can tell which, so the whole family ends.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

IDLE = timedelta(days=14)
ABSOLUTE = timedelta(days=90)
GRACE = timedelta(seconds=20)


class Verdict(Enum):
    ROTATE = auto()
    REPEAT = auto()
    EXPIRED = auto()
    REUSED = auto()


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token that was issued by us. `rotated_at` is when it was used, `child_used` whether its child was."""

    issued_at: datetime
    rotated_at: datetime | None
    child_used: bool

    def judge(self, session_expires_at: datetime, now: datetime) -> Verdict:
        if self.rotated_at is None:
            return Verdict.EXPIRED if now >= self.expires_at(session_expires_at) else Verdict.ROTATE
        if self.child_used or now > self.rotated_at + GRACE:
            return Verdict.REUSED
        return Verdict.REPEAT

    def expires_at(self, session_expires_at: datetime) -> datetime:
        return expiry(self.issued_at, session_expires_at)


def expiry(issued_at: datetime, session_expires_at: datetime) -> datetime:
    """When a token that is never used ends."""
    return min(issued_at + IDLE, session_expires_at)
