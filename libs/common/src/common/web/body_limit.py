"""What is checked of every body before it is in memory: its size, declared or streamed, its media type and coding."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import DukanError, PayloadTooLarge
from common.web.error_responses import error_response
from common.web.media_types import check_encoding, normal_media_type


class BodyLimit:
    """`default` and `limits` (by path prefix) are in bytes; a larger body is 413."""

    def __init__(self, app: ASGIApp, default: int, limits: Mapping[str, int]) -> None:
        self.app = app
        self._default = default
        self._limits = sorted(limits.items(), key=lambda item: len(item[0]), reverse=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        try:
            if b"content-encoding" in headers:
                check_encoding(headers[b"content-encoding"])
            if content_type := headers.get(b"content-type"):
                _set_media_type(scope, content_type, normal_media_type(content_type))
        except DukanError as error:
            await error_response(error)(scope, receive, send)
            return
        limit = self._limit_of(scope["path"])
        if _number(headers.get(b"content-length", b"0")) > limit:
            # Raised when the body is read, where the application's error handlers see it.
            limit = -1
        await self.app(scope, _counting(receive, limit), send)

    def _limit_of(self, path: str) -> int:
        return next((limit for prefix, limit in self._limits if path.startswith(prefix)), self._default)


def _set_media_type(scope: Scope, content_type: bytes, normal: bytes) -> None:
    if normal != content_type:
        others = [pair for pair in scope["headers"] if pair[0] != b"content-type"]
        scope["headers"] = [*others, (b"content-type", normal)]


def _number(value: bytes) -> int:
    return int(value) if value.isdigit() else 0


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
