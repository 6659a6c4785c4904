"""Whether the client is still there while a service works for it."""

import asyncio

from starlette.types import Receive

WATCH_AFTER = 0.05
"""Seconds until watching begins: most answers are there before, and a task for each would cost more than it saves."""


class Presence:
    """Cancels the task that made it when the client leaves, which closes the connection to the service.

    Begin it once the body has been read: it takes over `receive`.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._request = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self.left = False

    def begin(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER, self._start_watching)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()
            # Its end remembers us: no cycle of the two.
            self._watch = None

    def _start_watching(self) -> None:
        self._watch = asyncio.create_task(self._wait_for_leave())

    async def _wait_for_leave(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.left = True
        if self._request is not None:
            self._request.cancel()
