"""The lifespan protocol of ASGI for an application without a framework."""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from starlette.types import Receive, Send

log = logging.getLogger(__name__)


class Lifespan:
    """Keeps the context that `run` returns open between startup and shutdown."""

    def __init__(self, run: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._run = run

    async def serve(self, receive: Receive, send: Send) -> None:
        await receive()
        stage = "startup"
        try:
            async with self._run():
                await send({"type": "lifespan.startup.complete"})
                await receive()
                stage = "shutdown"
        except Exception as error:
            log.exception("%s of the gateway failed", stage)
            await send({"type": f"lifespan.{stage}.failed", "message": repr(error)})
        else:
            await send({"type": "lifespan.shutdown.complete"})
