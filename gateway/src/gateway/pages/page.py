"""The gateway's own pages: a page is made of a function that returns its content."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from common.errors import MethodNotAllowed
from common.web.access_log import CACHE_CONTROL, NO_STORE
from gateway.http.context import RequestContext
from gateway.http.headers import Header
from gateway.http.response import send_response

JSON = b"application/json"
ALLOWED_METHODS = ("GET", "HEAD", "OPTIONS")
ALLOW = ", ".join(ALLOWED_METHODS).encode()


class Content(NamedTuple):
    """`headers` are those besides the content type."""

    content_type: bytes
    body: bytes
    headers: Sequence[Header] = ()


Page = Callable[[RequestContext], Awaitable[None]]


def page(content: Callable[[], Awaitable[Content]]) -> Page:
    """Responds to GET and HEAD with the content, which must not be stored unless its headers say so."""

    async def respond(context: RequestContext) -> None:
        if context.method == "OPTIONS":
            await send_response(context, 204, [(b"allow", ALLOW)], b"")
            return
        if context.method not in ALLOWED_METHODS:
            raise MethodNotAllowed(ALLOWED_METHODS)
        made = await content()
        headers = [(b"content-type", made.content_type), *made.headers]
        if CACHE_CONTROL not in dict(headers):
            headers.append(NO_STORE)
        await send_response(context, 200, headers, made.body)

    return respond


def with_slashes(pages: Mapping[str, Page]) -> dict[str, Page]:
    """Every page, with and without a trailing slash in its path."""
    return {**pages, **{f"{path}/": page for path, page in pages.items() if path != "/"}}


def json_content(model: BaseModel) -> Content:
    return Content(JSON, model.model_dump_json().encode(), [(b"cache-control", b"no-store")])
