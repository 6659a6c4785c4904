"""Answers that anyone may see and keep for a moment: ready-made JSON with an ETag."""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, Self

from fastapi import Request, Response

from common.openapi.errors import header_references
from common.web.raw_json import envelope_of, json_response

SHARED = "public, max-age=5"
PRIVATE = "private, no-store"

CACHEABLE: dict[int | str, dict[str, Any]] = {
    200: {"headers": header_references(["ETag"])},
    304: {"description": "What `If-None-Match` names is still so", "headers": header_references(["ETag"])},
}
"""For the document: routes whose answers have an ETag."""


class Page(NamedTuple):
    """A public answer: the envelope around rendered JSON."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, data: bytes, meta: Mapping[str, Any] | None = None) -> Self:
        body = envelope_of(data, meta)
        return cls(body, f'"{blake2b(body, digest_size=12).hexdigest()}"')

    def answer(self, request: Request) -> Response:
        """200, or 304 without a body when the client has it already."""
        headers = {"Cache-Control": SHARED, "ETag": self.etag}
        if is_known(request, self.etag):
            return Response(status_code=304, headers=headers)
        return json_response(self.body, headers)


def private_answer(data: bytes, meta: Mapping[str, Any] | None = None) -> Response:
    """For the caller's eyes only."""
    return json_response(envelope_of(data, meta), {"Cache-Control": PRIVATE})


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names the tag, weakly compared (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match")
    if given is None:
        return False
    return given.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in given.split(","))
