"""CORS (WHATWG Fetch): off unless origins are configured; local mode allows localhost."""

import re
from collections.abc import Sequence

from gateway.http.headers import Header, Headers

LOCALHOST = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")

PREFLIGHT_HEADERS: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, Traceparent, X-CSRF-Token, X-Request-ID",
    ),
    (b"access-control-max-age", b"600"),
]
EXPOSED_HEADERS: Headers = [
    (
        b"access-control-expose-headers",
        b"ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID",
    )
]
VARY_ORIGIN: Header = (b"vary", b"Origin")


class Cors:
    def __init__(self, origins: Sequence[str], *, allow_localhost: bool) -> None:
        self._origins = frozenset(origins)
        self._allow_localhost = allow_localhost

    def allows(self, origin: str) -> bool:
        return origin in self._origins or (self._allow_localhost and LOCALHOST.fullmatch(origin) is not None)

    def preflight_headers(self, origin: str) -> list[Header]:
        return [*_allowed(origin), *PREFLIGHT_HEADERS] if self.allows(origin) else [VARY_ORIGIN]

    def headers(self, origin: str | None) -> Headers:
        """The headers of every other response to a page of this origin."""
        if origin is None:
            return ()
        return [*_allowed(origin), *EXPOSED_HEADERS] if self.allows(origin) else [VARY_ORIGIN]


def _allowed(origin: str) -> Headers:
    return [
        (b"access-control-allow-origin", origin.encode()),
        (b"access-control-allow-credentials", b"true"),
        VARY_ORIGIN,
    ]
