"""The gateway's own pages: a page is made of a function that returns its content."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from common.errors import MethodNotAllowed
from gateway.http.context import RequestContext
from gateway.http.headers import Header
from gateway.http.response import send_response

JSON = b"application/json"
ALLOWED_METHODS = ("GET", "HEAD", "OPTIONS")


class Content(NamedTuple):
    """`headers` are those besides the content type."""

    content_type: bytes
    body: bytes
    headers: Sequence[Header] = ()


Page = Callable[[RequestContext], Awaitable[None]]


def page(content: Callable[[], Awaitable[Content]]) -> Page:
    """Responds to GET and HEAD with the content."""

    async def respond(context: RequestContext) -> None:
        if context.method not in ALLOWED_METHODS:
            raise MethodNotAllowed(ALLOWED_METHODS)
        made = await content()
        await send_response(context, 200, [(b"content-type", made.content_type), *made.headers], made.body)

    return respond


def with_slashes(pages: Mapping[str, Page]) -> dict[str, Page]:
    """Every page, with and without a trailing slash in its path."""
    return {**pages, **{f"{path}/": page for path, page in pages.items() if path != "/"}}


def json_content(model: BaseModel) -> Content:
    return Content(JSON, model.model_dump_json().encode(), [(b"cache-control", b"no-store")])
