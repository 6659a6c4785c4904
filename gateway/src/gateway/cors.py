"""Cross-origin calls from web pages (WHATWG Fetch): off unless origins are set; local mode admits localhost."""

import re
from collections.abc import Sequence

from gateway.headers import Headers

LOCALHOST = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")

ALLOWED = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, PUT, PATCH, DELETE"),
    (
        b"access-control-allow-headers",
        b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, Timezone, Traceparent, X-CSRF-Token, "
        b"X-Request-ID",
    ),
    (b"access-control-max-age", b"600"),
]
EXPOSED = [
    (
        b"access-control-expose-headers",
        b"ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-ID",
    )
]


class Cors:
    def __init__(self, origins: Sequence[str], *, allow_localhost: bool) -> None:
        self._origins = frozenset(origins)
        self._allow_localhost = allow_localhost

    def allows(self, origin: str) -> bool:
        return origin in self._origins or (self._allow_localhost and LOCALHOST.fullmatch(origin) is not None)

    def preflight(self, origin: str) -> list[tuple[bytes, bytes]]:
        """The headers of the answer to a preflight."""
        return [*self._granted(origin), *ALLOWED] if self.allows(origin) else _VARIES

    def headers(self, origin: str | None) -> Headers:
        """What every other answer to a page of this origin carries."""
        if origin is None:
            return ()
        return [*self._granted(origin), *EXPOSED] if self.allows(origin) else _VARIES

    def _granted(self, origin: str) -> list[tuple[bytes, bytes]]:
        return [
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            *_VARIES,
        ]


_VARIES = [(b"vary", b"Origin")]
