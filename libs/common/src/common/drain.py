"""Draining: between the request to stop and the end of the process, what was accepted is answered."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)


class Drain:
    """`begin` is called once, when the process is told to stop: readiness is false from then on.

    New requests are still answered for a while, because a load balancer sends them until it has noticed. Whoever holds
    a response open (a request that waits, a stream) ends it when `begin` is called.
    """

    def __init__(self) -> None:
        self.has_begun = False
        self._callbacks: dict[object, Callable[[], None]] = {}

    def begin(self) -> None:
        if self.has_begun:
            return
        self.has_begun = True
        for callback in list(self._callbacks.values()):
            try:
                callback()
            except Exception:
                # One failure must not keep the other responses open.
                log.exception("a response could not be ended")

    def on_begin(self, callback: Callable[[], None]) -> None:
        """Call back for the whole life of the process."""
        self._callbacks[object()] = callback

    @contextmanager
    def ending(self, callback: Callable[[], None]) -> Iterator[None]:
        """While the block runs, `begin` calls back; if it was called before, the callback comes at once."""
        key = object()
        self._callbacks[key] = callback
        try:
            if self.has_begun:
                callback()
            yield
        finally:
            del self._callbacks[key]
