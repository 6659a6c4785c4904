"""Which rate limits apply to a request, and the response headers about them."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from common import metrics
from gateway.http.context import RequestContext
from gateway.limits.limiter import Limiter, Policy, TooManyRequests, Verdict
from gateway.limits.shared import CHARGE, PEEK, TAKE, LimitCheck, SharedLimits
from gateway.routing.routes import SIGN_IN

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(slots=True)
class Throttle:
    """Limits per address and per credential for all requests; tighter ones for writes and failed sign-ins.

    A successful sign-in is not counted, so people who share an address do not lock each other out.
    """

    by_ip: Limiter
    by_credential: Limiter
    write: Limiter
    sign_in: Limiter
    exempts_loopback: bool
    shared: SharedLimits | None = None

    def set_policies(self, policies: Mapping[str, Policy]) -> None:
        """Apply these policies, by name, from now on."""
        for limiter in (self.by_ip, self.by_credential, self.write, self.sign_in):
            limiter.set_policy(policies[limiter.policy.name])

    def admit(self, context: RequestContext) -> None:
        """Count a request of this address. Raises TooManyRequests, as the others do."""
        if not self._is_exempt(context):
            _apply(context, self.by_ip.take(context.client.key))

    def admit_credential(self, context: RequestContext, user_id: Hashable) -> None:
        """Count a request of this user."""
        if not self._is_exempt(context):
            _apply(context, self.by_credential.take(user_id))

    def admit_sign_in(self, context: RequestContext) -> None:
        """Check that not too many sign-ins from this address have failed."""
        if _is_sign_in(context):
            _apply(context, self.sign_in.peek(context.client.key))

    def admit_write(self, context: RequestContext) -> None:
        """Count an unsafe request of this user, or of this address if anonymous."""
        if self._is_counted_write(context):
            _apply(context, self.write.take(context.caller))

    async def admit_shared(self, context: RequestContext) -> None:
        """Check the same limits over all gateways, if they share them."""
        if self.shared is None or not (checks := list(self._checks(context))):
            return
        if (verdict := await self.shared.check(checks)) is not None:
            _apply(context, verdict)

    async def count_failed_sign_in(self, context: RequestContext) -> None:
        """After the response: count the request if it was a sign-in that failed."""
        if not _is_sign_in(context) or not 400 <= context.status < 500:
            return
        self.sign_in.charge(context.client.key)
        if self.shared is not None:
            await self.shared.check([LimitCheck(self.sign_in.policy, context.client.key, CHARGE)])

    def _checks(self, context: RequestContext) -> Iterator[LimitCheck]:
        is_exempt = self._is_exempt(context)
        if not is_exempt:
            yield LimitCheck(self.by_ip.policy, context.client.key, TAKE)
        if _is_sign_in(context):
            yield LimitCheck(self.sign_in.policy, context.client.key, PEEK)
        if not is_exempt and context.user_id is not None:
            yield LimitCheck(self.by_credential.policy, context.user_id, TAKE)
        if self._is_counted_write(context):
            yield LimitCheck(self.write.policy, context.caller, TAKE)

    def _is_counted_write(self, context: RequestContext) -> bool:
        # Webhooks have no caller: all of a provider's come from a few addresses.
        has_caller = context.route is not None and context.route.checks_identity
        return context.method not in SAFE_METHODS and has_caller and not self._is_exempt(context)

    def _is_exempt(self, context: RequestContext) -> bool:
        return self.exempts_loopback and context.client.is_loopback


def _is_sign_in(context: RequestContext) -> bool:
    return context.route is not None and context.route.rate == SIGN_IN


def _apply(context: RequestContext, verdict: Verdict) -> None:
    """Put the verdict into the response's headers, replacing that of an earlier, wider limit."""
    context.response_headers[:] = [pair for pair in context.response_headers if not pair[0].startswith(b"ratelimit")]
    if not verdict.allowed:
        metrics.RATE_LIMITED.labels(verdict.policy.name).inc()
        raise TooManyRequests(verdict)
    context.response_headers.extend(verdict.headers())
