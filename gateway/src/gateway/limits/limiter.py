"""Rate limits: the generic cell rate algorithm, in memory, per key.

Sources: ITU-T I.371 (GCRA, virtual scheduling), draft-ietf-httpapi-ratelimit-headers (the header fields). Each
gateway process counts for itself; auth has its own, exact throttle behind the sign-in limit.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from common.errors import RateLimited

MAX_KEYS = 100_000
"""Beyond this the least recently used key is dropped."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`rate` requests per second on average, `burst` at once."""

    name: str
    rate: float
    burst: int

    @property
    def window(self) -> int:
        """Seconds until a spent burst is available again."""
        return math.ceil(self.burst / self.rate)


class Verdict(NamedTuple):
    policy: Policy
    allowed: bool
    remaining: int
    reset: float
    """Seconds until the whole burst is available again."""
    retry_after: float

    def headers(self) -> list[tuple[bytes, bytes]]:
        value = b'"%s";r=%d;t=%d' % (self.policy.name.encode(), self.remaining, math.ceil(self.reset))
        return [(b"ratelimit-policy", _policy_value(self.policy)), (b"ratelimit", value)]


@lru_cache
def _policy_value(policy: Policy) -> bytes:
    return b'"%s";q=%d;w=%d' % (policy.name.encode(), policy.burst, policy.window)


class TooManyRequests(RateLimited):
    """Has the older RateLimit-* fields as well, which most clients still read."""

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
    """Applies one policy per key. For each key it stores one time: when the key's bucket will be full again."""

    def __init__(
        self, policy: Policy, *, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS
    ) -> None:
        self.policy = policy
        self._clock = clock
        self._max_keys = max_keys
        self._interval = 1 / policy.rate
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    def set_policy(self, policy: Policy) -> None:
        """Apply another policy from now on; the counts stay."""
        self.policy = policy
        self._interval = 1 / policy.rate

    def take(self, key: Hashable) -> Verdict:
        """Count a request if the limit allows it."""
        now = self._clock()
        verdict = self._verdict(key, now)
        if verdict.allowed:
            self._store(key, now + verdict.reset)
        return verdict

    def peek(self, key: Hashable) -> Verdict:
        """The verdict of `take`, without counting."""
        return self._verdict(key, self._clock())

    def charge(self, key: Hashable) -> None:
        """Count a request that was already allowed, even beyond the burst."""
        now = self._clock()
        self._store(key, max(self._full_at.get(key, now), now) + self._interval)

    def _verdict(self, key: Hashable, now: float) -> Verdict:
        full_at = max(self._full_at.get(key, now), now) + self._interval
        ahead = full_at - now
        room = self.policy.burst * self._interval - ahead
        # A billionth of an interval absorbs the rounding errors of floating point.
        if room >= -1e-9 * self._interval:
            return Verdict(self.policy, True, int(room * self.policy.rate + 1e-6), ahead, 0.0)
        return Verdict(self.policy, False, 0, ahead - self._interval, -room)

    def _store(self, key: Hashable, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
