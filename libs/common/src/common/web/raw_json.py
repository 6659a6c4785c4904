"""Answers around JSON that is rendered already, by the database for instance: nothing is parsed or validated again."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response


def envelope_of(data: bytes, meta: Mapping[str, Any] | None = None) -> bytes:
    """The success envelope around rendered JSON, as `ok(data, meta=meta)` would render it."""
    rest = b',"errors":null,"meta":%b}' % orjson.dumps(meta) if meta is not None else b',"errors":null}'
    return b'{"status":"success","message":"OK","data":' + data + rest


def json_response(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type="application/json")
