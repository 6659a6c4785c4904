"""Errors in an OpenAPI document: one component per status, and the codes that a route documents itself.

A route names its error classes: `responses=errors(EmptyOrder, UnknownAddress)`.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from common.errors import DukanError
from common.openapi.example_values import REQUEST

Json = dict[str, Any]

RESPONSES = "#/components/responses/"
HEADER = "#/components/headers/"
EXAMPLE = "#/components/examples/"
ENVELOPE = {"$ref": "#/components/schemas/ErrorEnvelope"}
CODES = "x-codes"


class ErrorDoc(NamedTuple):
    """A machine code with the status it comes with, and a message as people would read it."""

    status: int
    code: str
    message: str
    field: str | None = None


class StatusErrors(NamedTuple):
    """What is common to the refusals with one status."""

    name: str
    description: str
    refusals: Sequence[ErrorDoc]
    headers: Sequence[str] = ()


STATUS_ERRORS: Mapping[int, StatusErrors] = {
    400: StatusErrors(
        "Malformed",
        "Malformed: no valid HTTP, path or JSON",
        [ErrorDoc(400, "malformed_json", "The body is not valid JSON")],
    ),
    401: StatusErrors(
        "Unauthenticated",
        "Not signed in, or the credential is not accepted",
        [
            ErrorDoc(401, "unauthenticated", "Sign in to continue"),
            ErrorDoc(401, "unsupported_credentials", "Only Bearer credentials are accepted here"),
            ErrorDoc(401, "token_invalid", "The access token is not valid"),
            ErrorDoc(401, "token_not_yet_valid", "The access token is not valid yet"),
            ErrorDoc(401, "token_expired", "The access token has expired"),
            ErrorDoc(401, "session_revoked", "The session has ended"),
        ],
        ["WWW-Authenticate"],
    ),
    403: StatusErrors(
        "Forbidden",
        "Signed in, but not allowed",
        [
            ErrorDoc(403, "forbidden", "This needs the permission stock.manage, which yours do not include"),
            ErrorDoc(403, "insufficient_scope", "The credential's scopes do not allow this"),
            ErrorDoc(403, "csrf", "Send the CSRF token in X-CSRF-Token"),
        ],
    ),
    404: StatusErrors(
        "NotFound", "Absent, or not the caller's to see", [ErrorDoc(404, "not_found", "There is no such thing")]
    ),
    409: StatusErrors(
        "Conflict",
        "The state of things forbids it now",
        [ErrorDoc(409, "conflict", "This cannot be done now"), ErrorDoc(409, "already_exists", "This exists already")],
    ),
    413: StatusErrors(
        "TooLarge", "The body is too large", [ErrorDoc(413, "payload_too_large", "The body is too large")]
    ),
    415: StatusErrors(
        "UnsupportedMediaType",
        "The body is of another kind than expected",
        [ErrorDoc(415, "unsupported_media_type", "The body should be application/json, not text/plain")],
    ),
    422: StatusErrors(
        "Invalid",
        "Understood and wrong; `errors` name the fields",
        [ErrorDoc(422, "invalid", "quantity: Input should be greater than or equal to 1", "quantity")],
    ),
    429: StatusErrors(
        "RateLimited",
        "Too often; `Retry-After` says when to come back",
        [ErrorDoc(429, "rate_limited", "Too many requests, try again later")],
        ["Retry-After"],
    ),
    502: StatusErrors(
        "BadGateway",
        "What should answer could not be reached",
        [ErrorDoc(502, "bad_gateway", "The service could not be reached, try again shortly")],
        ["Retry-After"],
    ),
    503: StatusErrors(
        "Unavailable",
        "Temporarily unavailable; `Retry-After` says when to come back",
        [
            ErrorDoc(503, "unavailable", "Temporarily unavailable, try again shortly"),
            ErrorDoc(503, "timeout", "This took too long, try again shortly"),
        ],
        ["Retry-After"],
    ),
    504: StatusErrors(
        "GatewayTimeout",
        "No answer in time; what was asked for may yet happen",
        [ErrorDoc(504, "gateway_timeout", "The service did not answer in time")],
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
    return {"$ref": RESPONSES + STATUS_ERRORS[status].name}


def shared_responses(statuses: Iterable[int]) -> Json:
    """The components that `reference` refers to."""
    return {STATUS_ERRORS[status].name: _response(STATUS_ERRORS[status]) for status in statuses}


def shared_examples(statuses: Iterable[int]) -> Json:
    """The components that the answers with these statuses show, by machine code."""
    return {refusal.code: _example(refusal) for status in statuses for refusal in STATUS_ERRORS[status].refusals}


def errors(*classes: type[DukanError]) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the errors that this route raises, beside those that every route may raise."""
    return error_docs(*(ErrorDoc(each.status, each.code, each.message, each.field) for each in classes))


def error_docs(*refusals: ErrorDoc) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the machine codes that this route in particular answers with."""
    ordered = sorted(refusals, key=lambda refusal: refusal.status)
    return {
        status: {"description": STATUS_ERRORS[status].description, CODES: [tuple(refusal) for refusal in group]}
        for status, group in groupby(ordered, key=lambda refusal: refusal.status)
    }


def route_response(status: int, said: Mapping[str, Any]) -> Json:
    """What a route says of a refusal, completed by what all have in common."""
    particular = [ErrorDoc(*each) for each in said.get(CODES, ())]
    response = _response(STATUS_ERRORS[status], particular)
    listed = ", ".join(f"`{refusal.code}`" for refusal in particular)
    return response | {"description": f"{said['description']}: {listed}" if listed else said["description"]}


def _response(kind: StatusErrors, particular: Iterable[ErrorDoc] = ()) -> Json:
    shared = {refusal.code: {"$ref": EXAMPLE + refusal.code} for refusal in kind.refusals}
    examples = {refusal.code: _example(refusal) for refusal in particular} | shared
    return {
        "description": kind.description,
        "headers": header_references(["X-Request-ID", *kind.headers]),
        "content": {"application/json": {"schema": ENVELOPE, "examples": examples}},
    }


def _example(refusal: ErrorDoc) -> Json:
    return {"summary": refusal.message, "value": _envelope(refusal)}


def _envelope(refusal: ErrorDoc) -> Json:
    message = refusal.message.partition(": ")[2] or refusal.message if refusal.field else refusal.message
    return {
        "status": "error",
        "message": refusal.message,
        "data": None,
        "code": refusal.code,
        "errors": [{"field": refusal.field, "code": refusal.code, "message": message}],
        "request_id": REQUEST,
    }
