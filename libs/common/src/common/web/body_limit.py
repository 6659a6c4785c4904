"""ASGI middleware that rejects a body above the limit with 413 before it is in memory, declared or streamed."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import PayloadTooLarge


class BodyLimit:
    """`default` and `limits` (by path prefix) are in bytes."""

    def __init__(self, app: ASGIApp, default: int, limits: Mapping[str, int]) -> None:
        self.app = app
        self._default = default
        self._limits = sorted(limits.items(), key=lambda item: len(item[0]), reverse=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        if _declared(scope) > limit:
            # Raised when the body is read, where the application's error handlers see it.
            limit = -1
        await self.app(scope, _counting(receive, limit), send)

    def _limit_of(self, path: str) -> int:
        return next((limit for prefix, limit in self._limits if path.startswith(prefix)), self._default)


def _counting(receive: Receive, limit: int) -> Receive:
    left = limit

    async def limited() -> Message:
        nonlocal left
        if left < 0:
            raise _too_large()
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise _too_large()
        return message

    return limited


def _too_large() -> HTTPException:
    # Not the DukanError itself: FastPath leaves an HTTPException to the route.
    return HTTPException(PayloadTooLarge.status, PayloadTooLarge.message)


def _declared(scope: Scope) -> int:
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    return int(value) if value.isdigit() else 0
