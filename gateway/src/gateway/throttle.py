"""Which limits apply to a request, and what its answer says about them."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from common import metrics
from gateway.exchange import Exchange
from gateway.limits import Limiter, Policy, TooManyRequests, Verdict
from gateway.routes import SIGN_IN

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
        if exchange.route is not None and exchange.route.rate == SIGN_IN:
            _report(exchange, self.sign_in.peek(_ip(exchange)))

    def admit_write(self, exchange: Exchange) -> None:
        """Count what may change something, per user or else per IP. Webhooks, which are no caller's, are free."""
        route = exchange.route
        if exchange.method in READS or route is None or not route.checks_identity or self._is_exempt(exchange):
            return
        _report(exchange, self.write.take(exchange.user_id or _ip(exchange)))

    def settle(self, exchange: Exchange) -> None:
        """Count a sign-in that failed."""
        if exchange.route is not None and exchange.route.rate == SIGN_IN and 400 <= exchange.status < 500:
            self.sign_in.charge(_ip(exchange))

    def _is_exempt(self, exchange: Exchange) -> bool:
        return self.exempts_loopback and exchange.client.is_loopback


def _ip(exchange: Exchange) -> Hashable:
    return exchange.client.key


def _report(exchange: Exchange, verdict: Verdict) -> None:
    """Put the verdict on the answer; the last limit that was looked at is the narrowest and replaces the others."""
    exchange.extra[:] = [pair for pair in exchange.extra if not pair[0].startswith(b"ratelimit")]
    if not verdict.allowed:
        metrics.RATE_LIMITED.labels(verdict.policy.name).inc()
        raise TooManyRequests(verdict)
    exchange.extra.extend(verdict.headers())
