"""Files as responses: conditional requests and byte ranges. Sources: RFC 9110, 13 and 14."""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from common.errors import RangeNotSatisfiable
from common.web.conditions import allows_range, check_preconditions, is_not_modified, joined

MAX_RANGES = 20
"""More of them are answered with the whole file: overlapping ranges are a known way to multiply traffic."""
RANGES = re.compile(r"bytes=\s*(?P<set>[^=]+)", re.IGNORECASE)
RANGE = re.compile(r"\s*(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<suffix>\d{1,18}))\s*")
Range = tuple[int, int]
"""First and last position, both inclusive."""


def file_response(
    request: Request, path: Path, stat_result: os.stat_result, headers: Mapping[str, str], media_type: str
) -> Response:
    """The file, the asked part of it, or 304. `headers` have a strong ETag.

    Raises PreconditionFailed or RangeNotSatisfiable.
    """
    etag = headers["ETag"]
    modified = datetime.fromtimestamp(int(stat_result.st_mtime), UTC)
    check_preconditions(request.headers, etag, modified)
    if is_not_modified(request.headers, etag, modified):
        return Response(status_code=304, headers=dict(headers))
    ranges: Sequence[Range] = ()
    if "range" in request.headers and allows_range(request.headers, etag, modified):
        ranges = satisfiable_ranges(joined(request.headers, "range") or "", stat_result.st_size)
    return _FileResponse(path, headers=headers, media_type=media_type, stat_result=stat_result, ranges=ranges)


def satisfiable_ranges(value: str, size: int) -> list[Range]:
    """The ranges that the file has; none if the header is to be ignored: another unit, not valid, or too many.

    Raises RangeNotSatisfiable if it is valid and the file has none of them.
    """
    if (found := RANGES.fullmatch(value.strip())) is None:
        return []
    matches = [RANGE.fullmatch(part) for part in found["set"].split(",") if part.strip()]
    if not matches or len(matches) > MAX_RANGES:
        return []
    ranges: list[Range] = []
    for match in matches:
        if match is None or (match["last"] and int(match["last"]) < int(match["first"])):
            return []
        first, last = _positions(match, size)
        if first <= last:
            ranges.append((first, last))
    if not ranges:
        raise RangeNotSatisfiable(size)
    return ranges


def _positions(match: re.Match[str], size: int) -> Range:
    if match["suffix"]:
        return max(0, size - int(match["suffix"])), size - 1
    return int(match["first"]), min(int(match["last"] or size), size - 1)


class _FileResponse(FileResponse):
    """Starlette's, which rejects ranges that are to be ignored, with the ranges that were found valid."""

    def __init__(
        self,
        path: Path,
        *,
        headers: Mapping[str, str],
        media_type: str,
        stat_result: os.stat_result,
        ranges: Sequence[Range],
    ) -> None:
        super().__init__(path, headers=headers, media_type=media_type, stat_result=stat_result)
        self._ranges = ranges

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        others = Headers(scope=scope).mutablecopy()
        del others["range"], others["if-range"]
        if self._ranges:
            others["range"] = "bytes=" + ",".join(f"{first}-{last}" for first, last in self._ranges)
        await super().__call__({**scope, "headers": others.raw}, receive, send)
