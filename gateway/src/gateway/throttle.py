"""Which limits apply to a request, and what its answer says about them."""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from common import metrics
from gateway.exchange import Exchange
from gateway.limits import Limiter, Policy, TooManyRequests, Verdict
from gateway.routes import SIGN_IN
from gateway.shared_limits import CHARGE, PEEK, TAKE, Count, SharedLimits

READS = frozenset(("GET", "HEAD", "OPTIONS"))


@dataclass(slots=True)
class Throttle:
    """Per IP and per credential for everything; writes per caller and failed sign-ins per IP besides, tighter.

    A sign-in that succeeds costs nothing, so an office behind one address is not locked out by its own people.
    """

    by_ip: Limiter
    by_credential: Limiter
    write: Limiter
    sign_in: Limiter
    exempts_loopback: bool
    shared: SharedLimits | None = None

    def adopt(self, policies: Mapping[str, Policy]) -> None:
        """Go by these policies, by name, from now on."""
        for limiter in (self.by_ip, self.by_credential, self.write, self.sign_in):
            limiter.adopt(policies[limiter.policy.name])

    def admit(self, exchange: Exchange) -> None:
        """Count a request of this IP, or raise TooManyRequests."""
        if not self._is_exempt(exchange):
            _report(exchange, self.by_ip.take(_ip(exchange)))

    def admit_credential(self, exchange: Exchange, user_id: Hashable) -> None:
        """Count a request of this user, or raise TooManyRequests."""
        if not self._is_exempt(exchange):
            _report(exchange, self.by_credential.take(user_id))

    def admit_route(self, exchange: Exchange) -> None:
        """Refuse a sign-in from where too many have failed."""
        if _is_sign_in(exchange):
            _report(exchange, self.sign_in.peek(_ip(exchange)))

    def admit_write(self, exchange: Exchange) -> None:
        """Count what may change something, per user or else per IP."""
        if self._is_counted_write(exchange):
            _report(exchange, self.write.take(exchange.caller))

    async def admit_everywhere(self, exchange: Exchange) -> None:
        """Count over all gateways what was counted here, where they count together."""
        if self.shared is None or not (counts := list(self._counts(exchange))):
            return
        if (verdict := await self.shared.ask(counts)) is not None:
            _report(exchange, verdict)

    async def settle(self, exchange: Exchange) -> None:
        """Count a sign-in that failed."""
        if not _is_sign_in(exchange) or not 400 <= exchange.status < 500:
            return
        self.sign_in.charge(_ip(exchange))
        if self.shared is not None:
            await self.shared.ask([Count(self.sign_in.policy, _ip(exchange), CHARGE)])

    def _counts(self, exchange: Exchange) -> Iterator[Count]:
        exempt = self._is_exempt(exchange)
        if not exempt:
            yield Count(self.by_ip.policy, _ip(exchange), TAKE)
        if _is_sign_in(exchange):
            yield Count(self.sign_in.policy, _ip(exchange), PEEK)
        if not exempt and exchange.user_id is not None:
            yield Count(self.by_credential.policy, exchange.user_id, TAKE)
        if self._is_counted_write(exchange):
            yield Count(self.write.policy, exchange.caller, TAKE)

    def _is_counted_write(self, exchange: Exchange) -> bool:
        """Webhooks are no caller's."""
        is_callers = exchange.route is not None and exchange.route.checks_identity
        return exchange.method not in READS and is_callers and not self._is_exempt(exchange)

    def _is_exempt(self, exchange: Exchange) -> bool:
        return self.exempts_loopback and exchange.client.is_loopback


def _is_sign_in(exchange: Exchange) -> bool:
    return exchange.route is not None and exchange.route.rate == SIGN_IN


def _ip(exchange: Exchange) -> Hashable:
    return exchange.client.key


def _report(exchange: Exchange, verdict: Verdict) -> None:
    """Put the verdict on the answer; the last limit that was looked at is the narrowest and replaces the others."""
    exchange.extra[:] = [pair for pair in exchange.extra if not pair[0].startswith(b"ratelimit")]
    if not verdict.allowed:
        metrics.RATE_LIMITED.labels(verdict.policy.name).inc()
        raise TooManyRequests(verdict)
    exchange.extra.extend(verdict.headers())
