"""The few requests that come thousands of times a second, answered ahead of the framework.

FastAPI's way to a route costs 0.08 to 0.3 ms, more than such a request itself. So it is looked up in a dictionary here,
and is an ordinary route as well: that one is documented, checks its input, and answers whenever the hot one has
nothing to say.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import DukanError
from common.web.error_responses import error_response

FastHandler = Callable[[Request, str], Awaitable[Response | None]]
"""Given the request and the last segment of its path; None leaves the request to the route."""

LAST = "{key}"


class FastPath:
    """`answers` by method and path; `/products/{key}` stands for any last segment."""

    def __init__(self, app: ASGIApp, answers: Mapping[tuple[str, str], FastHandler]) -> None:
        self.app = app
        self._answers = {where: (answer, _RouteTemplate(where[1])) for where, answer in answers.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self.app(scope, receive, send)
            return
        body = _ReplayableBody(receive)
        response = await self._answer(*found, Request(scope, body))
        body.rewind()
        await (response or self.app)(scope, body, send)

    def _find(self, scope: Scope) -> tuple[FastHandler, "_RouteTemplate"] | None:
        method, path = scope["method"], scope["path"]
        return self._answers.get((method, path)) or self._answers.get((method, f"{path.rpartition('/')[0]}/{LAST}"))

    @staticmethod
    async def _answer(answer: FastHandler, named: "_RouteTemplate", request: Request) -> Response | None:
        request.scope["route"] = named
        try:
            return await answer(request, request.scope["path"].rpartition("/")[2])
        except DukanError as refusal:
            return error_response(refusal)
        except HTTPException:
            return None  # the body is too large: the route will find the same


class _ReplayableBody:
    """The messages of a body, which the route can receive once more if the hot answer leaves it the request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: list[Message] = []
        self._again: list[Message] = []

    async def __call__(self) -> Message:
        if self._again:
            return self._again.pop(0)
        message = await self._receive()
        self._messages.append(message)
        return message

    def rewind(self) -> None:
        self._again = self._messages


class _RouteTemplate:
    """What metrics call a request that no route of the framework answered."""

    def __init__(self, path: str) -> None:
        self.path_format = path
