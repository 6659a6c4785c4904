"""Errors in an OpenAPI document: one component per status, and the errors that a route documents itself.

A route names its error classes: `responses=errors(EmptyOrder, UnknownAddress)`.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from common.errors import (
    AlreadyExists,
    BadGateway,
    Conflict,
    Contention,
    CsrfTokenInvalid,
    DukanError,
    Forbidden,
    GatewayTimeout,
    InsufficientScope,
    InUse,
    Invalid,
    MalformedForm,
    MalformedJson,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    SessionEnded,
    Stopping,
    StorageFull,
    TimedOut,
    TokenExpired,
    TokenInvalid,
    TokenNotYetValid,
    Unauthenticated,
    Unavailable,
    UnknownTimeZone,
    UnstorableValue,
    UnsupportedCredentials,
    UnsupportedMediaType,
)

Json = dict[str, Any]
ErrorClass = type[DukanError]

RESPONSES = "#/components/responses/"
HEADER = "#/components/headers/"
EXAMPLE = "#/components/examples/"
ENVELOPE = {"$ref": "#/components/schemas/ErrorEnvelope"}
CLASSES = "x-errors"
REQUEST_ID = "019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e10"


class StatusErrors(NamedTuple):
    """What the errors with one status have in common, and those of them that any route may raise."""

    name: str
    description: str
    classes: Sequence[ErrorClass]
    headers: Sequence[str] = ()


STATUS_ERRORS: Mapping[int, StatusErrors] = {
    400: StatusErrors(
        "Malformed",
        "Malformed: not valid HTTP, path, JSON, form or time zone",
        [MalformedJson, MalformedForm, UnknownTimeZone],
    ),
    401: StatusErrors(
        "Unauthenticated",
        "No credential, or the credential is not accepted",
        [Unauthenticated, UnsupportedCredentials, TokenInvalid, TokenNotYetValid, TokenExpired, SessionEnded],
        ["WWW-Authenticate"],
    ),
    403: StatusErrors("Forbidden", "Authenticated, but not allowed", [Forbidden, InsufficientScope, CsrfTokenInvalid]),
    404: StatusErrors("NotFound", "Absent, or not visible to the caller", [NotFound]),
    409: StatusErrors("Conflict", "The current state does not allow it", [Conflict, AlreadyExists, InUse]),
    412: StatusErrors("PreconditionFailed", "There is another version than `If-Match` or the like names", []),
    413: StatusErrors("TooLarge", "The body is too large", [PayloadTooLarge]),
    415: StatusErrors("UnsupportedMediaType", "The body has another media type", [UnsupportedMediaType]),
    416: StatusErrors("RangeNotSatisfiable", "No part of the range exists", []),
    422: StatusErrors("Invalid", "Well-formed and wrong; `errors` name the fields", [Invalid, UnstorableValue]),
    429: StatusErrors(
        "RateLimited", "Too many requests; `Retry-After` says when to retry", [RateLimited], ["Retry-After"]
    ),
    502: StatusErrors("BadGateway", "The service could not be reached", [BadGateway], ["Retry-After"]),
    503: StatusErrors(
        "Unavailable",
        "Temporarily unavailable; `Retry-After` says when to retry",
        [Unavailable, TimedOut, Contention, StorageFull, Stopping],
        ["Retry-After"],
    ),
    504: StatusErrors(
        "GatewayTimeout", "No response in time; the request may still take effect", [GatewayTimeout], ["Retry-After"]
    ),
}

TEXT = {"type": "string"}

HEADERS: Mapping[str, Json] = {
    "X-Request-ID": {"description": "Names the request in logs and events", "schema": TEXT, "example": REQUEST_ID},
    "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}, "example": 5},
    "WWW-Authenticate": {"description": "The accepted scheme", "schema": TEXT, "example": "Bearer"},
    "ETag": {"description": "For `If-None-Match`", "schema": TEXT, "example": '"5d41402abc4b2a76b9719d91"'},
    "Location": {"description": "The created resource", "schema": TEXT, "example": "/api/v1/orders/019c1f0c"},
    "Idempotency-Replayed": {"description": "This is the first response again", "schema": TEXT, "example": "true"},
    "RateLimit-Policy": {"description": "The limit that applies", "schema": TEXT, "example": '"ip";q=600;w=60'},
    "RateLimit": {"description": "What is left of it", "schema": TEXT, "example": '"ip";r=599;t=1'},
}


def errors(*classes: ErrorClass) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: the errors that this route raises, beside those that any route may raise.

    FastAPI takes classes for nothing here: the document's completion (`common.openapi.document`) reads them.
    """
    ordered = sorted(classes, key=lambda each: each.status)
    return {
        status: {"description": STATUS_ERRORS[status].description, CLASSES: [_facts(each) for each in group]}
        for status, group in groupby(ordered, key=lambda each: each.status)
    }


def header_references(names: Iterable[str]) -> Json:
    """Headers of a response, by reference to the shared ones."""
    return {name: {"$ref": HEADER + name} for name in names}


def reference(status: int) -> Json:
    """The shared response with this status."""
    return {"$ref": RESPONSES + STATUS_ERRORS[status].name}


def shared_responses(statuses: Iterable[int]) -> Json:
    """The components that `reference` refers to."""
    return {STATUS_ERRORS[status].name: _response(STATUS_ERRORS[status]) for status in statuses}


def shared_examples(statuses: Iterable[int]) -> Json:
    """The components that the responses with these statuses show, by error code."""
    return {each.code: _example(*_facts(each)) for status in statuses for each in STATUS_ERRORS[status].classes}


def route_response(status: int, declared: Mapping[str, Any]) -> Json:
    """A response that a route declares, completed by what all with this status have in common."""
    own = declared.get(CLASSES, ())
    response = _response(STATUS_ERRORS[status], own)
    codes = ", ".join(f"`{code}`" for code, _, _ in own)
    return response | {"description": f"{declared['description']}: {codes}" if codes else declared["description"]}


def _facts(error: ErrorClass) -> tuple[str, str, str | None]:
    return error.code, error.message, error.field


def _response(status: StatusErrors, own: Iterable[tuple[str, str, str | None]] = ()) -> Json:
    shared = {each.code: {"$ref": EXAMPLE + each.code} for each in status.classes}
    examples = {facts[0]: _example(*facts) for facts in own} | shared
    return {
        "description": status.description,
        "headers": header_references(["X-Request-ID", *status.headers]),
        "content": {"application/json": {"schema": ENVELOPE, "examples": examples}},
    }


def _example(code: str, message: str, field: str | None) -> Json:
    problem = {"field": field, "code": code, "message": message}
    envelope = {"status": "error", "message": message, "data": None, "code": code, "errors": [problem]}
    return {"summary": message, "value": envelope | {"request_id": REQUEST_ID}}
