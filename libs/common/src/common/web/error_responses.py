"""Errors as responses: the error envelope, without stack traces, SQL or internal names."""

import errno
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException

from common import context
from common.errors import (
    DatabaseFull,
    DukanError,
    MethodNotImplemented,
    NotFound,
    PayloadTooLarge,
    StorageFull,
    TimedOut,
    Unavailable,
    UnsupportedMediaType,
    is_outage,
)
from common.web.envelope import Problem, failure
from common.web.methods import STANDARD_METHODS, allowed_methods
from common.web.validation.checked_route import RejectedBody
from common.web.validation.codes import MISSING, NO_BODY, meaning_of
from common.web.validation.problems import problem

log = logging.getLogger(__name__)

Recognise = Callable[[Exception], DukanError | None]

CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: PayloadTooLarge.code,
    415: UnsupportedMediaType.code,
    422: "invalid",
    429: "rate_limited",
    431: "headers_too_large",
    503: "unavailable",
}
FULL = (errno.ENOSPC, errno.EDQUOT)
"""Of a file that has no room, on the disk or in a quota."""
MAX_PROBLEMS = 100
FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
LOCATIONS = ("body", "query", "path", "header", "cookie")


def add_error_handlers(app: FastAPI) -> None:
    """Register the handlers of errors that routes raise, and of input that does not validate."""
    for kind in (DukanError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _on_error)


def crash_response(error: Exception, recognise: Recognise | None = None) -> Response:
    """The response to an error that no handler took; `recognise` may know what it stands for. Logs it, once."""
    known = _known(error) or (recognise(error) if recognise else None)
    if known is not None:
        log.warning("%s: %r", known.code, error, exc_info=error)
        return error_response(known)
    log.error("unhandled error", exc_info=error)
    return _response(DukanError.status, DukanError.message, DukanError.code)


def error_response(error: DukanError) -> Response:
    """The error as a response."""
    problem = Problem(
        field=error.field, code=error.code, message=error.message, detail=dict(error.detail) if error.detail else None
    )
    return _response(error.status, error.message, error.code, [problem], error.headers)


def _known(error: Exception) -> DukanError | None:
    if isinstance(error, TimeoutError):
        return TimedOut()
    if isinstance(error, DatabaseFull) or (isinstance(error, OSError) and error.errno in FULL):
        return StorageFull()
    return Unavailable() if is_outage(error) else None


async def _on_error(request: Request, error: Exception) -> Response:
    match error:
        case RejectedBody():
            return await _on_error(request, error.error)
        case RequestValidationError():
            return _invalid_request(request, error)
        case HTTPException():
            return _http_exception(request, error)
        case DukanError():
            return _dukan_error(error)
    raise error


def _dukan_error(error: DukanError) -> Response:
    if error.status >= 500:
        log.warning("%s: %s", error.code, error.message, exc_info=error.__cause__)
    return error_response(error)


def _http_exception(request: Request, error: HTTPException) -> Response:
    headers = dict(error.headers or {})
    if error.status_code == 405:
        if request.method not in STANDARD_METHODS:
            return error_response(MethodNotImplemented())
        # Starlette names only those of the first route with this path.
        headers["Allow"] = ", ".join(allowed_methods(request.app.router.routes, request.scope))
    if error.status_code in (204, 304):
        return Response(status_code=error.status_code, headers=headers)
    if error.status_code == NotFound.status:
        return error_response(NotFound())
    message = str(error.detail) if error.detail else HTTPStatus(error.status_code).phrase
    code = CODES.get(error.status_code, DukanError.code if error.status_code >= 500 else "bad_request")
    return _response(error.status_code, message, code, headers=headers)


def _invalid_request(request: Request, error: RequestValidationError) -> Response:
    problems = [_problem(item) for item in error.errors()]
    if (wanted := _other_media_type(request, error.body)) and all(
        each.field is None or each.code == MISSING.code for each in problems
    ):
        text = f"The body should be {wanted}, not {request.headers.get('content-type', 'nothing')[:100]}"
        return _response(UnsupportedMediaType.status, text, UnsupportedMediaType.code)
    first = problems[0]
    text = f"{first.field}: {first.message}" if first.field else first.message
    return _response(422, text, "invalid", problems[:MAX_PROBLEMS])


def _other_media_type(request: Request, body: object) -> str | None:
    """The media type that the route takes, if the request has another one. FastAPI leaves such a body unread."""
    if isinstance(body, bytes):
        return "application/json"
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return "multipart/form-data" if isinstance(body, FormData) and sent not in FORM_TYPES else None


def _problem(item: Any) -> Problem:
    """The problem, also of what FastAPI itself reports."""
    if isinstance(item, Problem):
        return item
    path = item["loc"][1:] if item["loc"] and item["loc"][0] in LOCATIONS else item["loc"]
    if item["type"] == MISSING.code and not path:
        return problem(NO_BODY, path)
    return problem(meaning_of(item["type"], item.get("ctx") or {}, item["msg"]), path)


def _response(
    status: int, message: str, code: str, problems: list[Problem] | None = None, headers: dict[str, str] | None = None
) -> Response:
    origin = context.current()
    body = failure(message, code, problems or [], origin.correlation_id if origin else None)
    return Response(body.model_dump_json(), status, headers, "application/json")
