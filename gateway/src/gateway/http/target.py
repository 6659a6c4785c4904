"""Request targets: rejects paths that the gateway and a service could understand differently.

Sources: RFC 3986 (dot segments, percent-encoding), and the path confusions known from other proxies: encoded slashes
and backslashes, dot segments, `;` parameters, empty segments, control characters. Paths are never repaired.
"""

import re

from starlette.types import Scope

from gateway.errors import MalformedPath, MalformedQuery

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
    """Raises MalformedPath unless the path as sent (`raw_path`) and as decoded (`path`) mean the same."""
    if not raw_path.startswith(b"/") or AMBIGUOUS.search(raw_path) or "\ufffd" in path:
        raise MalformedPath


def check_query(query: bytes) -> None:
    """Raises MalformedQuery if the query contains bytes that are not allowed in a URI."""
    if not PRINTABLE.fullmatch(query):
        raise MalformedQuery


def target_of(scope: Scope) -> bytes:
    """Path and query as the client sent them."""
    query: bytes = scope["query_string"]
    path: bytes = scope["raw_path"]
    return path + b"?" + query if query else path
