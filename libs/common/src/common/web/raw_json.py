"""Responses with JSON that is already rendered, by the database for instance, without parsing it again."""

from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import Response


def envelope_of(data: bytes, meta: Mapping[str, Any] | None = None) -> bytes:
    """The success envelope around rendered JSON, equal to what `ok(data, meta=meta)` renders."""
    rest = b',"errors":null,"meta":%b}' % orjson.dumps(meta) if meta is not None else b',"errors":null}'
    return b'{"status":"success","message":"OK","data":' + data + rest


def json_response(body: bytes, headers: Mapping[str, str] | None = None) -> Response:
    return Response(body, headers=headers, media_type="application/json")
