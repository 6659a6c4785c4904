"""Holds every error response of a service under test against its OpenAPI document."""

import json
from typing import Any

from fastapi import FastAPI
from starlette.routing import compile_path
from starlette.types import Message, Receive, Scope, Send

from common.errors import Invalid
from common.web.validation.codes import CODES

GENERAL = Invalid.code
"""Also of what a route rejects by `Invalid` with words of its own."""


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
        if unknown := _codes_of_fields(body) - CODES.keys():
            raise UndocumentedError(f"{scope['method']} {scope['path']} has codes without a row in CODES: {unknown}")
        document = _document(self._app)
        operation = _operation(document, scope)
        if operation is None or not (code := _code_of(body)):
            return
        response = operation["responses"].get(str(status), {})
        if "$ref" in response:
            response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
        if code not in response.get("content", {}).get("application/json", {}).get("examples", {}):
            target = f"{scope['method']} {scope['path']}"
            raise UndocumentedError(f"{target} answers {status} {code}, which its operation does not document")


_documents: dict[tuple[int, ...], tuple[FastAPI, Any]] = {}


def _document(app: FastAPI) -> Any:
    """The application's document, made once per set of routers: it takes longer than most tests.

    The routers of a service are those of its modules. The stored application keeps them alive, and so their ids unique.
    """
    key = tuple(id(getattr(route, "original_router", None)) for route in app.routes)
    if key not in _documents:
        _documents[key] = app, app.openapi()
    return _documents[key][1]


def _operation(document: Any, scope: Scope) -> Any:
    """The operation that handled the request; None if none did, or one that the document does not show.

    `path_format` is that of the router: it lacks the prefix under which the application includes the router.
    """
    route: Any = scope.get("route")
    if not getattr(route, "include_in_schema", False):
        return None
    for path, operations in document["paths"].items():
        if path.endswith(route.path_format) and compile_path(path)[0].match(scope["path"]):
            return operations.get(scope["method"].lower())
    raise UndocumentedError(f"{scope['method']} {scope['path']} is not in the document")


def _code_of(body: bytes) -> str | None:
    code = _envelope(body).get("code")
    return code if isinstance(code, str) else None


def _codes_of_fields(body: bytes) -> set[str]:
    """The codes of the fields of input that does not validate; other errors have one code, their own."""
    envelope = _envelope(body)
    return {each["code"] for each in envelope["errors"]} - {GENERAL} if envelope.get("code") == GENERAL else set()


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        envelope: Any = json.loads(body)
    except ValueError:
        return {}
    return envelope if isinstance(envelope, dict) else {}
