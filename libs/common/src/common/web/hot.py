"""The few reads that are asked for thousands of times a second, answered ahead of the framework.

FastAPI's way to a route costs 0.08 to 0.2 ms, more than such a read itself. So it is looked up in a dictionary here,
and is an ordinary route as well: that one is documented, checks its input, and answers whenever the hot one has
nothing to say.
"""

from collections.abc import Awaitable, Callable, Mapping

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from common.errors import DukanError
from common.web.failures import render

Answer = Callable[[Request, str], Awaitable[Response | None]]
"""Given the request and the last segment of its path; None leaves the request to the route."""

LAST = "{key}"


class HotReads:
    """`reads` are answers by path; `/products/{key}` stands for any last segment."""

    def __init__(self, app: ASGIApp, reads: Mapping[str, Answer]) -> None:
        self.app = app
        self._reads = {path: (answer, _Named(path)) for path, answer in reads.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(scope, receive) if scope["type"] == "http" and scope["method"] == "GET" else None
        await (self.app if response is None else response)(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response | None:
        path: str = scope["path"]
        above, _, last = path.rpartition("/")
        found = self._reads.get(path) or self._reads.get(f"{above}/{LAST}")
        if found is None:
            return None
        answer, named = found
        scope["route"] = named
        try:
            return await answer(Request(scope, receive), last)
        except DukanError as refusal:
            return render(refusal)


class _Named:
    """What metrics call a request that no route of the framework answered."""

    def __init__(self, path: str) -> None:
        self.path_format = path
