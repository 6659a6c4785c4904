"""Conditional requests. Sources: RFC 9110, 8.8.3 and 13."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from starlette.datastructures import Headers

from common.errors import PreconditionFailed

ENTITY_TAG = re.compile(r'(?P<weak>W/)?(?P<opaque>"[^"\x00-\x20\x7f]*")')


def matches_etag(if_none_match: str | None, etag: str | None) -> bool:
    """Whether the list of entity tags contains the ETag, by weak comparison."""
    if if_none_match is None or etag is None:
        return False
    opaque = etag.removeprefix("W/")
    return if_none_match.strip() == "*" or any(tag["opaque"] == opaque for tag in ENTITY_TAG.finditer(if_none_match))


def is_not_modified(headers: Headers, etag: str, modified: datetime | None = None) -> bool:
    """Whether the client has this version: 304. If-Modified-Since counts only without If-None-Match."""
    if_none_match = joined(headers, "if-none-match")
    if if_none_match is not None or modified is None:
        return matches_etag(if_none_match, etag)
    since = _date(headers.get("if-modified-since"))
    return since is not None and modified <= since


def check_preconditions(headers: Headers, etag: str, modified: datetime) -> None:
    """Raises PreconditionFailed if the client wants another version only."""
    if_match = joined(headers, "if-match")
    if if_match is not None:
        fails = if_match.strip() != "*" and etag not in _strong_tags(if_match)
    else:
        since = _date(headers.get("if-unmodified-since"))
        fails = since is not None and modified > since
    if fails:
        raise PreconditionFailed


def allows_range(headers: Headers, etag: str, modified: datetime) -> bool:
    """Whether If-Range lets the request's Range count: the client has a part of this very version."""
    if_range = headers.get("if-range")
    return if_range is None or if_range.strip() == etag or _date(if_range) == modified


def joined(headers: Headers, name: str) -> str | None:
    """All values of the header as one list, None without any."""
    return ", ".join(headers.getlist(name)) or None


def _strong_tags(value: str) -> Iterable[str]:
    return [tag["opaque"] for tag in ENTITY_TAG.finditer(value) if not tag["weak"]]


def _date(value: str | None) -> datetime | None:
    """An HTTP date; None if it is not valid, which is to be ignored."""
    try:
        date = parsedate_to_datetime(value or "")
    except (ValueError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
