"""Limits counted over all gateways: the same algorithm as in `limits.py`, in a script that runs in Redis.

A request's limits are asked for in one go and counted only when all allow it. While Redis cannot say, what this process
counts by itself decides, or, for the classes that are `closed`, nobody is let in.
"""

from collections.abc import Collection, Hashable, Sequence
from typing import NamedTuple

from common.errors import Unavailable
from gateway.limits import Policy, Verdict
from gateway.redis import RedisAwayError, Script

TAKE, PEEK, CHARGE = "take", "peek", "charge"

# Times in microseconds of Redis' own clock, which all gateways share. Returns for each limit how far ahead its bucket
# is, with this request if it was let in; before them the number of the first limit that refuses, or 0.
GCRA = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local said, refused = {0}, 0
for i, key in ipairs(KEYS) do
  local interval, burst, mode = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), ARGV[3 * i]
  local full_at = math.max(tonumber(redis.call('GET', key) or now), now) + interval
  if refused == 0 and mode ~= 'charge' and full_at - now > burst * interval + 1 then refused = i end
  said[i + 1] = math.floor(full_at - now)
end
said[1] = refused
for i, key in ipairs(KEYS) do
  if refused == 0 and ARGV[3 * i] ~= 'peek' then
    redis.call('SET', key, string.format('%.0f', now + said[i + 1]), 'PX', math.ceil(said[i + 1] / 1000) + 1)
  end
end
return said
"""


class Count(NamedTuple):
    """What is asked of one limit: `mode` is take, peek (look only) or charge (count whatever the limit says)."""

    policy: Policy
    key: Hashable
    mode: str


class SharedLimits:
    def __init__(self, script: Script, closed: Collection[str]) -> None:
        self._script = script
        self._closed = frozenset(closed)

    async def ask(self, counts: Sequence[Count]) -> Verdict | None:
        """The verdict of the first limit that refuses, else of the last; None when Redis cannot say.

        Unavailable when it cannot and one of the limits is closed then.
        """
        keys = [f"dukan:limit:{count.policy.name}:{count.key}" for count in counts]
        values = [text for count in counts for text in (*_numbers(count.policy), count.mode)]
        try:
            refused, *ahead = await self._script.run(keys, values)
        except RedisAwayError:
            if any(count.policy.name in self._closed and count.mode != CHARGE for count in counts):
                message = "Requests cannot be counted at the moment"
                raise Unavailable(message, retry_after=1, code="limits_unavailable") from None
            return None
        at = refused - 1 if refused else len(counts) - 1
        return _verdict(counts[at].policy, ahead[at] / 1e6, allowed=not refused)


def _numbers(policy: Policy) -> tuple[str, str]:
    return f"{1e6 / policy.rate:.3f}", str(policy.burst)


def _verdict(policy: Policy, ahead: float, *, allowed: bool) -> Verdict:
    room = policy.burst / policy.rate - ahead
    if allowed:
        return Verdict(policy, True, max(0, int(room * policy.rate + 1e-3)), ahead, 0.0)
    return Verdict(policy, False, 0, ahead - 1 / policy.rate, max(0.0, -room))
