"""Notices that a client disconnects while a service works on its request."""

import asyncio

from starlette.types import Receive

WATCH_AFTER_SECONDS = 0.05
"""Most responses are there before; a task for each request would cost more than it saves."""


class DisconnectWatcher:
    """Cancels the task that created it when the client disconnects, which closes the connection to the service.

    Start it once the body has been read: it takes over `receive`.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._request = asyncio.current_task()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.disconnected = False

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(WATCH_AFTER_SECONDS, self._start_task)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            # The task refers to this object; without this the two form a cycle that only the collector frees.
            self._task = None

    def _start_task(self) -> None:
        self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.disconnected = True
        if self._request is not None:
            self._request.cancel()
