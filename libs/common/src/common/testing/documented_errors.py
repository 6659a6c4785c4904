"""Holds every error response of a service under test against its OpenAPI document."""

import json
from typing import Any

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send


class UndocumentedError(AssertionError):
    """A route answered with an error code that its operation does not document."""


class DocumentedErrors:
    """The application; raises UndocumentedError after a response whose `code` the route's `responses` do not name."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, body = 0, b""

        async def record(message: Message) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= 400:
                body += message.get("body", b"")
            await send(message)

        await self._app(scope, receive, record)
        # 500 stands for a bug, which no operation documents.
        if status >= 400 and status != 500:
            self._check(scope, status, body)

    def _check(self, scope: Scope, status: int, body: bytes) -> None:
        path = getattr(scope.get("route"), "path_format", "")
        document = _document(self._app)
        operation = document["paths"].get(path, {}).get(scope["method"].lower())
        if operation is None or not (code := _code_of(body)):
            return
        response = operation["responses"].get(str(status), {})
        if "$ref" in response:
            response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        if code not in response.get("content", {}).get("application/json", {}).get("examples", {}):
            raise UndocumentedError(f"{scope['method']} {path} answers {status} {code}, which it does not document")


_documents: dict[tuple[str, ...], Any] = {}


def _document(app: FastAPI) -> Any:
    """The application's document, made once per set of routes: it takes longer than most tests."""
    key = (app.title, *sorted(getattr(route, "path", "") for route in app.routes))
    if key not in _documents:
        _documents[key] = app.openapi()
    return _documents[key]


def _code_of(body: bytes) -> str | None:
    try:
        envelope: Any = json.loads(body)
    except ValueError:
        return None
    code = envelope.get("code") if isinstance(envelope, dict) else None
    return code if isinstance(code, str) else None
