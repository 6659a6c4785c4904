"""Answers that anyone may see and keep for a moment: ready-made JSON with an ETag."""

from hashlib import blake2b

import orjson
from fastapi import Request, Response

SHARED = "public, max-age=5, stale-while-revalidate=30"
PRIVATE = "private, no-store"


def public_json(
    request: Request, data: str | bytes, meta: dict[str, object] | None = None, *, private: bool = False
) -> Response:
    """The success envelope around rendered JSON; 304 without a body when the client has it already."""
    body = _envelope(data.encode() if isinstance(data, str) else data, meta)
    if private:
        return Response(body, headers={"Cache-Control": PRIVATE}, media_type="application/json")
    etag = f'"{blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"Cache-Control": SHARED, "ETag": etag}
    if is_known(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def is_known(request: Request, etag: str) -> bool:
    """Whether If-None-Match names the tag, weakly compared (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    return given.strip() == "*" or etag in (tag.strip().removeprefix("W/") for tag in given.split(","))


def _envelope(data: bytes, meta: dict[str, object] | None) -> bytes:
    rest = b',"errors":null,"meta":%b}' % orjson.dumps(meta) if meta is not None else b',"errors":null}'
    return b'{"status":"success","message":"OK","data":' + data + rest
