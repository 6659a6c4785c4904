"""Rate limits: the generic cell rate algorithm, in memory, per key.

Sources: ITU-T I.371 (GCRA, virtual scheduling), draft-ietf-httpapi-ratelimit-headers (the header fields). Each
gateway process counts for itself; auth has its own, exact throttle behind the sign-in class.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from common.errors import RateLimited

CAPACITY = 100_000
"""Keys remembered; beyond that the one that was quiet for longest is forgotten."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`rate` requests per second on average, `burst` at once."""

    name: str
    rate: float
    burst: int

    @property
    def window(self) -> int:
        """Seconds in which a spent burst has grown back."""
        return math.ceil(self.burst / self.rate)


class Verdict(NamedTuple):
    policy: Policy
    allowed: bool
    remaining: int
    reset: float
    """Seconds until the whole burst is there again."""
    retry_after: float

    def headers(self) -> list[tuple[bytes, bytes]]:
        said = b'"%s";r=%d;t=%d' % (self.policy.name.encode(), self.remaining, math.ceil(self.reset))
        return [(b"ratelimit-policy", _described(self.policy)), (b"ratelimit", said)]


@lru_cache
def _described(policy: Policy) -> bytes:
    return b'"%s";q=%d;w=%d' % (policy.name.encode(), policy.burst, policy.window)


class TooManyRequests(RateLimited):
    """Carries the older RateLimit-* fields as well, which most clients still read."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.retry_after)
        self._verdict = verdict

    @property
    def headers(self) -> dict[str, str]:
        fields = {name.decode(): value.decode() for name, value in self._verdict.headers()}
        return {
            **super().headers,
            **fields,
            "RateLimit-Limit": str(self._verdict.policy.burst),
            "RateLimit-Remaining": "0",
            "RateLimit-Reset": str(math.ceil(self.retry_after)),
        }


class Limiter:
    """One policy, applied per key. For each key only one time is kept: when its bucket will be full again."""

    def __init__(
        self, policy: Policy, *, clock: Callable[[], float] = time.monotonic, capacity: int = CAPACITY
    ) -> None:
        self.policy = policy
        self._clock = clock
        self._capacity = capacity
        self._interval = 1 / policy.rate
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def adopt(self, policy: Policy) -> None:
        """Go by another policy from now on; what was counted stays counted."""
        self.policy = policy
        self._interval = 1 / policy.rate

    def take(self, key: Hashable) -> Verdict:
        """Count a request, unless it comes too early."""
        now = self._clock()
        verdict = self._judge(key, now, cost=1)
        if verdict.allowed:
            self._remember(key, now + verdict.reset)
        return verdict

    def peek(self, key: Hashable) -> Verdict:
        """What `take` would say, without counting."""
        return self._judge(key, self._clock(), cost=1)

    def charge(self, key: Hashable) -> None:
        """Count a request that was let in already, even beyond the burst."""
        now = self._clock()
        self._remember(key, max(self._full_at.get(key, now), now) + self._interval)

    def _judge(self, key: Hashable, now: float, cost: int) -> Verdict:
        full_at = max(self._full_at.get(key, now), now) + cost * self._interval
        ahead = full_at - now
        room = self.policy.burst * self._interval - ahead
        # A billionth of an interval absorbs what floating point adds up to.
        if room >= -1e-9 * self._interval:
            return Verdict(self.policy, True, int(room * self.policy.rate + 1e-6), ahead, 0.0)
        return Verdict(self.policy, False, 0, ahead - self._interval, -room)

    def _remember(self, key: Hashable, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._capacity:
            self._full_at.popitem(last=False)
