"""How failed attempts delay the next ones.

Failures count per account and client address together, and per client address. Only a hundred of them count per
account alone, from anywhere: that would let an outsider lock the owner out. A device that the account has signed in on
counts for itself, and nothing that others do makes it wait.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self


@dataclass(frozen=True, slots=True)
class Policy:
    """Up to `free` failures within `window` cost nothing; each further one doubles the wait, up to `max_wait`."""

    free: int
    window: timedelta
    first_wait: timedelta = timedelta(seconds=30)
    max_wait: timedelta = timedelta(minutes=15)


def per_minute(failures: int) -> Policy:
    return Policy(failures, window=timedelta(minutes=1))


PER_ACCOUNT = Policy(free=5, window=timedelta(minutes=5))
PER_DEVICE = PER_ACCOUNT
OVERALL = Policy(free=100, window=timedelta(days=1), first_wait=timedelta(minutes=1))
"""Of one account from all addresses, without known devices: about 200 guesses a day, from however many addresses. An
owner on a new device waits as well, unless a reset by e-mail clears the count."""
PER_FACTOR = Policy(free=10, window=timedelta(hours=1), first_wait=timedelta(minutes=1))
"""For an attacker who has the password and guesses codes from many addresses: a day of it finds one in 3,000."""


@dataclass(frozen=True, slots=True)
class Failures:
    """The stored failures of one key."""

    count: int = 0
    last_at: datetime | None = None
    blocked_until: datetime | None = None

    def wait(self, now: datetime) -> float:
        """Seconds until the next attempt is allowed; 0 if it is allowed now."""
        return max(0.0, (self.blocked_until - now).total_seconds()) if self.blocked_until else 0.0

    def plus_one(self, policy: Policy, now: datetime) -> Self:
        count = 1 if self._is_over(policy, now) else self.count + 1
        delay = self._delay(policy, count)
        return type(self)(count, now, now + delay if delay else None)

    def _is_over(self, policy: Policy, now: datetime) -> bool:
        return self.last_at is None or now > (self.blocked_until or self.last_at) + policy.window

    def _delay(self, policy: Policy, count: int) -> timedelta | None:
        if count < policy.free:
            return None
        # The exponent is bounded so that a long attack cannot overflow the timedelta.
        doublings: int = min(count - policy.free, 16)
        return min(policy.max_wait, policy.first_wait * (1 << doublings))
