"""Paths that mean one thing to the gateway and another to a service are refused, not repaired.

Sources: RFC 3986 (dot segments, percent-encoding), and the path confusions that proxies were bitten by: encoded
slashes and backslashes, dot segments, `;` parameters, empty segments, control characters.
"""

import re

from gateway.errors import BadRequest

AMBIGUOUS = re.compile(
    rb"//"
    rb"|/\.{1,2}(?:/|$)"
    rb"|[;\\]"
    rb"|[^\x21-\x7e]"
    rb"|%(?:2[eEfF]|5[cC]|[01][0-9a-fA-F]|7[fF])"
    rb"|%(?![0-9a-fA-F]{2})"
)

PRINTABLE = re.compile(rb"[\x21-\x7e]*")


def check_path(raw_path: bytes, path: str) -> None:
    """Raise BadRequest unless the path as sent (`raw_path`) and as decoded (`path`) are plainly the same thing."""
    if not raw_path.startswith(b"/") or AMBIGUOUS.search(raw_path) or "\ufffd" in path:
        raise BadRequest("The path is ambiguous or not well-formed", code="malformed_path")


def check_query(query: bytes) -> None:
    """Raise BadRequest when the query holds bytes that a URI cannot."""
    if not PRINTABLE.fullmatch(query):
        raise BadRequest("The query is not percent-encoded", code="malformed_query")
