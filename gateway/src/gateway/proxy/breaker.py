"""A circuit breaker per service: while a service is down, its callers get an error at once."""

import time
from collections.abc import Callable

WINDOW_SECONDS = 10.0
OPEN_SECONDS = 10.0
MIN_REQUESTS = 20
MAX_FAILURE_SHARE = 0.25


class Breaker:
    """Opens for ten seconds when more than a quarter of at least 20 requests within ten seconds failed.

    Failures are connections that could not be opened or broke, and time-outs; a service's own 5xx shows that it is
    alive. After the pause one request is let through, and only its outcome closes or reopens the breaker, not that of
    requests which were already in flight when it opened.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._window_ends = 0.0
        self._requests = 0
        self._failures = 0
        self._open_until: float | None = None
        self._is_half_open = False

    def allows(self) -> bool:
        """Whether a request may pass now. After the pause this admits one, until its outcome is reported."""
        if self._open_until is None:
            return True
        now = self._clock()
        if now < self._open_until:
            return False
        self._open_until = now + OPEN_SECONDS
        self._is_half_open = True
        return True

    @property
    def retry_after(self) -> float:
        return 0.0 if self._open_until is None else max(0.0, self._open_until - self._clock())

    def record_success(self) -> None:
        if self._is_half_open:
            self._is_half_open = False
            self._open_until = None
            self._window_ends = 0.0
        if self._open_until is None:
            self._count()

    def record_failure(self) -> None:
        if self._open_until is None:
            self._count()
            self._failures += 1
            opens = self._requests >= MIN_REQUESTS and self._failures > MAX_FAILURE_SHARE * self._requests
        else:
            opens, self._is_half_open = self._is_half_open, False
        if opens:
            self._open_until = self._clock() + OPEN_SECONDS

    def _count(self) -> None:
        now = self._clock()
        if now >= self._window_ends:
            self._window_ends = now + WINDOW_SECONDS
            self._requests = self._failures = 0
        self._requests += 1
