"""Limits counted over all gateways: the algorithm of `limiter.py` as a script in Redis.

All limits of a request are checked in one call and counted only if all allow it. While Redis is unavailable, each
process relies on its own counts, except for the limits that fail closed: they reject every request.
"""

from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from gateway.errors import LimitsUnavailable, RedisUnavailable
from gateway.limits.limiter import Policy, Verdict

if TYPE_CHECKING:
    from gateway.limits.redis_script import RedisScript

TAKE, PEEK, CHARGE = "take", "peek", "charge"

# Times are in microseconds of Redis' clock, which all gateways share. Returns the number of the first limit that
# rejects the request (0 for none), then for each limit how far ahead its bucket is, this request included if allowed.
GCRA = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local result, rejected_by = {0}, 0
for i, key in ipairs(KEYS) do
  local interval, burst, mode = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), ARGV[3 * i]
  local full_at = math.max(tonumber(redis.call('GET', key) or now), now) + interval
  if rejected_by == 0 and mode ~= 'charge' and full_at - now > burst * interval + 1 then rejected_by = i end
  result[i + 1] = math.floor(full_at - now)
end
result[1] = rejected_by
for i, key in ipairs(KEYS) do
  if rejected_by == 0 and ARGV[3 * i] ~= 'peek' then
    redis.call('SET', key, string.format('%.0f', now + result[i + 1]), 'PX', math.ceil(result[i + 1] / 1000) + 1)
  end
end
return result
"""


class LimitCheck(NamedTuple):
    """One limit to check. `mode`: TAKE counts if allowed, PEEK never counts, CHARGE always counts."""

    policy: Policy
    key: Hashable
    mode: str


class SharedLimits:
    """`fail_closed` names the limits that reject every request while Redis is unavailable."""

    def __init__(self, script: "RedisScript", fail_closed: Collection[str]) -> None:
        self._script = script
        self._fail_closed = frozenset(fail_closed)

    async def check(self, checks: Sequence[LimitCheck]) -> Verdict | None:
        """The verdict of the first limit that rejects, else of the last; None if Redis is unavailable.

        Raises LimitsUnavailable instead of returning None if one of the limits fails closed.
        """
        keys = [f"dukan:limit:{check.policy.name}:{check.key}" for check in checks]
        arguments = [text for check in checks for text in (*_arguments(check.policy), check.mode)]
        try:
            rejected_by, *ahead = await self._script.run(keys, arguments)
        except RedisUnavailable:
            if any(check.policy.name in self._fail_closed and check.mode != CHARGE for check in checks):
                raise LimitsUnavailable from None
            return None
        index = rejected_by - 1 if rejected_by else len(checks) - 1
        return _verdict(checks[index].policy, ahead[index] / 1e6, allowed=not rejected_by)


def _arguments(policy: Policy) -> tuple[str, str]:
    return f"{1e6 / policy.rate:.3f}", str(policy.burst)


def _verdict(policy: Policy, ahead: float, *, allowed: bool) -> Verdict:
    room = policy.burst / policy.rate - ahead
    if allowed:
        return Verdict(policy, True, max(0, int(room * policy.rate + 1e-3)), ahead, 0.0)
    return Verdict(policy, False, 0, ahead - 1 / policy.rate, max(0.0, -room))
