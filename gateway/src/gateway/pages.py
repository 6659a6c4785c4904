"""The gateway's own answers: a page is a function from nothing to (content type, body)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple

from pydantic import BaseModel

from common.errors import DukanError
from gateway.exchange import Exchange

JSON = b"application/json"
READS = ("GET", "HEAD")


class Content(NamedTuple):
    """`headers` beside the content type."""

    content_type: bytes
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()


Make = Callable[[], Awaitable[Content]]
Page = Callable[[Exchange], Awaitable[None]]


class MethodNotAllowed(DukanError):  # noqa: N818 - named like the answer, as in common.errors
    status = 405
    code = "method_not_allowed"

    @property
    def headers(self) -> dict[str, str]:
        return {"Allow": "GET, HEAD"}


def page(make: Make) -> Page:
    """Answers GET and HEAD with what `make` gives."""

    async def show(exchange: Exchange) -> None:
        if exchange.method not in READS:
            raise MethodNotAllowed(f"{exchange.method} is not possible here")
        content = await make()
        await exchange.answer(200, [(b"content-type", content.content_type), *content.headers], content.body)

    return show


def with_slashes(pages: Mapping[str, Page]) -> dict[str, Page]:
    """Every page under its path with and without a slash at the end."""
    return {**pages, **{f"{path}/": made for path, made in pages.items() if path != "/"}}


def json_of(model: BaseModel) -> Content:
    return Content(JSON, model.model_dump_json().encode(), [(b"cache-control", b"no-store")])
