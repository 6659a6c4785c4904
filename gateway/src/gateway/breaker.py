"""A circuit breaker per service: when it is plainly down, its callers are told so at once."""

import time
from collections.abc import Callable

WINDOW = 10.0
OPEN_FOR = 10.0
LEAST_REQUESTS = 20
WORST_SHARE = 0.25


class Breaker:
    """Opens when more than a quarter of at least 20 requests in ten seconds failed, for ten seconds.

    A failure is a connection that could not be had or broke, or a time-out; a service's own 5xx shows that it lives.
    After that one request tries; its outcome decides, and not that of one which was under way when it opened.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._window_ends = 0.0
        self._requests = 0
        self._failures = 0
        self._open_until: float | None = None
        self._is_trying = False

    def allows(self) -> bool:
        """Whether a request may go through now. When the pause is over this admits one, until it has reported."""
        if self._open_until is None:
            return True
        now = self._clock()
        if now < self._open_until:
            return False
        self._open_until = now + OPEN_FOR
        self._is_trying = True
        return True

    @property
    def retry_after(self) -> float:
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    def succeeded(self) -> None:
        if self._is_trying:
            self._is_trying = False
            self._open_until = None
            self._window_ends = 0.0
        if self._open_until is None:
            self._count()

    def failed(self) -> None:
        if self._open_until is None:
            self._count()
            self._failures += 1
            fails = self._requests >= LEAST_REQUESTS and self._failures > WORST_SHARE * self._requests
        else:
            fails, self._is_trying = self._is_trying, False
        if fails:
            self._open_until = self._clock() + OPEN_FOR

    def _count(self) -> None:
        now = self._clock()
        if now >= self._window_ends:
            self._window_ends = now + WINDOW
            self._requests = self._failures = 0
        self._requests += 1
