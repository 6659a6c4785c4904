"""Refusals as an OpenAPI document tells of them: one component per status, and what a route says by itself.

A route names codes of its own in its `responses`: `refusing(Refusal(422, "orders.empty_order", "Nothing to order"))`.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from common.web.example_values import REQUEST

Json = dict[str, Any]

RESPONSES = "#/components/responses/"
HEADER = "#/components/headers/"
EXAMPLE = "#/components/examples/"
ENVELOPE = {"$ref": "#/components/schemas/ErrorEnvelope"}
CODES = "x-codes"


class Refusal(NamedTuple):
    """A machine code with the status it comes with, and a message as people would read it."""

    status: int
    code: str
    message: str
    field: str | None = None


class Kind(NamedTuple):
    """What is common to the refusals with one status."""

    name: str
    description: str
    refusals: Sequence[Refusal]
    headers: Sequence[str] = ()


REFUSED: Mapping[int, Kind] = {
    400: Kind(
        "Malformed",
        "Malformed: no valid HTTP, path or JSON",
        [Refusal(400, "malformed_json", "The body is not valid JSON")],
    ),
    401: Kind(
        "Unauthenticated",
        "Not signed in, or the credential is not accepted",
        [
            Refusal(401, "unauthenticated", "Sign in to continue"),
            Refusal(401, "token_expired", "The token has expired"),
            Refusal(401, "session_revoked", "The session has ended"),
        ],
        ["WWW-Authenticate"],
    ),
    403: Kind(
        "Forbidden",
        "Signed in, but not allowed",
        [
            Refusal(403, "forbidden", "This needs the permission stock.manage, which yours do not include"),
            Refusal(403, "insufficient_scope", "The credential's scopes do not allow this"),
            Refusal(403, "csrf", "Send the CSRF token in X-CSRF-Token"),
        ],
    ),
    404: Kind("NotFound", "Absent, or not the caller's to see", [Refusal(404, "not_found", "There is no such thing")]),
    409: Kind(
        "Conflict",
        "The state of things forbids it now",
        [Refusal(409, "conflict", "This cannot be done now"), Refusal(409, "already_exists", "This exists already")],
    ),
    413: Kind("TooLarge", "The body is too large", [Refusal(413, "payload_too_large", "The body is too large")]),
    415: Kind(
        "UnsupportedMediaType",
        "The body is of another kind than expected",
        [Refusal(415, "unsupported_media_type", "The body should be application/json, not text/plain")],
    ),
    422: Kind(
        "Invalid",
        "Understood and wrong; `errors` name the fields",
        [Refusal(422, "invalid", "quantity: Input should be greater than or equal to 1", "quantity")],
    ),
    429: Kind(
        "RateLimited",
        "Too often; `Retry-After` says when to come back",
        [Refusal(429, "rate_limited", "Too many requests, try again later")],
        ["Retry-After"],
    ),
    502: Kind(
        "BadGateway",
        "What should answer could not be reached",
        [Refusal(502, "bad_gateway", "The service could not be reached, try again shortly")],
        ["Retry-After"],
    ),
    503: Kind(
        "Unavailable",
        "Temporarily unavailable; `Retry-After` says when to come back",
        [
            Refusal(503, "unavailable", "Temporarily unavailable, try again shortly"),
            Refusal(503, "timeout", "This took too long, try again shortly"),
        ],
        ["Retry-After"],
    ),
    504: Kind(
        "GatewayTimeout",
        "No answer in time; what was asked for may yet happen",
        [Refusal(504, "gateway_timeout", "The service did not answer in time")],
        ["Retry-After"],
    ),
}

TEXT = {"type": "string"}

HEADERS: Mapping[str, Json] = {
    "X-Request-ID": {"description": "Names the request in logs and events", "schema": TEXT, "example": REQUEST},
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}, "example": 5},
    "WWW-Authenticate": {"description": "The scheme that is asked for", "schema": TEXT, "example": "Bearer"},
    "ETag": {"description": "For `If-None-Match`", "schema": TEXT, "example": '"5d41402abc4b2a76b9719d91"'},
    "Location": {"description": "Where to find what was made", "schema": TEXT, "example": "/api/v1/orders/019c1f0c"},
    "Idempotency-Replayed": {"description": "This is the first answer again", "schema": TEXT, "example": "true"},
    "RateLimit-Policy": {"description": "The limit that applies", "schema": TEXT, "example": '"ip";q=600;w=60'},
    "RateLimit": {"description": "What is left of it", "schema": TEXT, "example": '"ip";r=599;t=1'},
}


def header_references(names: Iterable[str]) -> Json:
    """Headers of a response, by reference to the shared ones."""
    return {name: {"$ref": HEADER + name} for name in names}


def reference(status: int) -> Json:
    """The shared answer with this status."""
    return {"$ref": RESPONSES + REFUSED[status].name}


def shared_refusals(statuses: Iterable[int]) -> Json:
    """The components that `reference` refers to."""
    return {REFUSED[status].name: _response(REFUSED[status]) for status in statuses}


def shared_examples(statuses: Iterable[int]) -> Json:
    """The components that the answers with these statuses show, by machine code."""
    return {refusal.code: _example(refusal) for status in statuses for refusal in REFUSED[status].refusals}


def refusing(*refusals: Refusal) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the machine codes that this route in particular answers with."""
    ordered = sorted(refusals, key=lambda refusal: refusal.status)
    return {
        status: {"description": REFUSED[status].description, CODES: [tuple(refusal) for refusal in group]}
        for status, group in groupby(ordered, key=lambda refusal: refusal.status)
    }


def own_refusal(status: int, said: Mapping[str, Any]) -> Json:
    """What a route says of a refusal, completed by what all have in common."""
    particular = [Refusal(*each) for each in said.get(CODES, ())]
    response = _response(REFUSED[status], particular)
    listed = ", ".join(f"`{refusal.code}`" for refusal in particular)
    return response | {"description": f"{said['description']}: {listed}" if listed else said["description"]}


def _response(kind: Kind, particular: Iterable[Refusal] = ()) -> Json:
    shared = {refusal.code: {"$ref": EXAMPLE + refusal.code} for refusal in kind.refusals}
    examples = {refusal.code: _example(refusal) for refusal in particular} | shared
    return {
        "description": kind.description,
        "headers": header_references(["X-Request-ID", *kind.headers]),
        "content": {"application/json": {"schema": ENVELOPE, "examples": examples}},
    }


def _example(refusal: Refusal) -> Json:
    return {"summary": refusal.message, "value": _envelope(refusal)}


def _envelope(refusal: Refusal) -> Json:
    message = refusal.message.partition(": ")[2] or refusal.message if refusal.field else refusal.message
    return {
        "status": "error",
        "message": refusal.message,
        "data": None,
        "code": refusal.code,
        "errors": [{"field": refusal.field, "code": refusal.code, "message": message}],
        "request_id": REQUEST,
    }
