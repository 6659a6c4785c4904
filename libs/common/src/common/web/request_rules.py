"""What HTTP asks of every path of a service: HEAD like GET, OPTIONS, checks of bodies. Sources: RFC 9110, 9.3."""

import asyncio
from collections.abc import Iterable, Mapping

from fastapi import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.web.body_limit import BodyLimit
from common.web.methods import METHODS, allowed_methods

WHOLE_SERVER = "*"


class RequestRules:
    """ASGI middleware: answers HEAD like GET and OPTIONS with the methods of the path, and limits bodies of the rest.

    One layer for both, because each costs every request some time.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int, body_limits: Mapping[str, int]) -> None:
        self.app = app
        self._body_limit = BodyLimit(app, max_body_bytes, body_limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["type"] == "http" else "GET"
        if method == "GET":
            await self.app(scope, receive, send)
        elif method == "HEAD":
            await self._respond_to_head(scope, receive, send)
        elif method == "OPTIONS" and (allowed := _allowed(scope)):
            await Response(status_code=204, headers={"Allow": ", ".join(allowed)})(scope, receive, send)
        else:
            await self._body_limit(scope, receive, send)

    async def _respond_to_head(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A copy: the server has to know that the response has no body.
        # Without a range, which counts for GET only (RFC 9110, 14.2).
        headers = [pair for pair in scope["headers"] if pair[0] != b"range"]
        get = {**scope, "method": "GET", "headers": headers}
        await self.app(get, receive, _without_body(send))
        if "route" in get:
            # For metrics and logs.
            scope["route"] = get["route"]


def _allowed(scope: Scope) -> Iterable[str]:
    return METHODS if scope["path"] == WHOLE_SERVER else allowed_methods(scope["app"].router.routes, scope)


def _without_body(send: Send) -> Send:
    """Ends the response with its first piece; what follows, however long, is dropped."""
    is_complete = False

    async def forward(message: Message) -> None:
        nonlocal is_complete
        if message["type"] == "http.response.body":
            message = {"type": "http.response.body", "body": b""}
        if is_complete:
            # A response that streams without an end has to notice that the client is not there any more.
            await asyncio.sleep(0)
        else:
            is_complete = message["type"] == "http.response.body"
            await send(message)

    return forward
