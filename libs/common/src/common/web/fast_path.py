"""The few routes that are requested thousands of times a second, answered before FastAPI.

FastAPI's way to a route costs 0.08 to 0.3 ms, more than such a request itself. A fast handler is found in a dictionary.
Each is an ordinary route as well, which is documented, validates its input, and answers whenever the fast handler
returns None.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import DukanError
from common.web.error_responses import error_response

FastHandler = Callable[[Request, str], Awaitable[Response | None]]
"""Takes the request and the last segment of its path; None leaves the request to the route."""

Target = tuple[str, str]
"""Method and path."""

LAST_SEGMENT = "{key}"


class FastPath:
    """ASGI middleware. `handlers` by method and path; `/products/{key}` matches any last segment.

    `parameters` are those of the query that the routes know; a request with another one is left to its route.
    """

    def __init__(
        self, app: ASGIApp, handlers: Mapping[Target, FastHandler], parameters: Mapping[Target, Collection[str]]
    ) -> None:
        self.app = app
        self._handlers = {
            target: (handler, _RouteTemplate(target[1]), frozenset(map(str.encode, parameters.get(target, ()))))
            for target, handler in handlers.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        body = _ReplayableBody(receive)
        response = await self._handle(*found, Request(scope, body))
        body.rewind()
        await (response or self.app)(scope, body, send)

    def _find(self, scope: Scope) -> tuple[FastHandler, "_RouteTemplate"] | None:
        method, path = scope["method"], scope["path"]
        parent = path.rpartition("/")[0]
        found = self._handlers.get((method, path)) or self._handlers.get((method, f"{parent}/{LAST_SEGMENT}"))
        if found is None:
            return None
        handler, template, known = found
        query: bytes = scope["query_string"]
        if query and not known.issuperset([each.partition(b"=")[0] for each in query.split(b"&")]):
            return None
        return handler, template

    @staticmethod
    async def _handle(handler: FastHandler, template: "_RouteTemplate", request: Request) -> Response | None:
        request.scope["route"] = template
        try:
            return await handler(request, request.scope["path"].rpartition("/")[2])
        except DukanError as error:
            return error_response(error)
        except HTTPException:
            return None  # the body is too large: the route will raise the same error


class _ReplayableBody:
    """The messages of a body, which the route can receive again if the fast handler returns None."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._received: list[Message] = []
        self._replay: list[Message] = []

    async def __call__(self) -> Message:
        if self._replay:
            return self._replay.pop(0)
        message = await self._receive()
        self._received.append(message)
        return message

    def rewind(self) -> None:
        self._replay = self._received


class _RouteTemplate:
    """Names a request that no route of FastAPI answered, for metrics and logs."""

    def __init__(self, path: str) -> None:
        self.path_format = path
