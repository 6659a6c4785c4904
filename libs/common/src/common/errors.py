# ruff: noqa: N818 - an error reads better as what it is: `raise NotFound(...)`
"""Every error that the platform raises on purpose.

    DukanError                 answers a request with its status, code and message
    ├── Invalid          422   the input is well-formed and wrong
    ├── Unauthenticated  401   no credential, or the credential is not accepted
    ├── Forbidden        403   authenticated, but not allowed
    ├── NotFound         404   absent, or not visible to the caller
    ├── Conflict         409   the current state does not allow it
    ├── RateLimited      429   too many requests; carries `retry_after`
    └── Unavailable      503   a dependency is unavailable; carries `retry_after`
    (below them: the errors that any route may raise, such as TokenExpired or AlreadyExists)
    HandlerFailure             why a consumer could not handle an event
    ├── Permanent              no retry can succeed: dead letter at once
    └── Transient              worth another attempt
    DatabaseUnavailable        the database, or the connection to it, failed
    └── DatabaseFull           its disk is full

An error has one class, which says everything that is constant about it:

    class EmailTaken(Conflict):
        code, field = "email_taken", "email"
        message = "An account with this e-mail address exists"

`raise EmailTaken()` raises it and `responses=errors(EmailTaken)` (common.openapi.errors) documents it. Codes are
snake_case and may name their context: `orders.empty_order`. Clients decide by code, people read messages.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


class DukanError(Exception):
    """An error with an HTTP status and a stable code.

    `field` is a dotted path into the input: `items.0.quantity`. A subclass sets `code`, `message` and, where it is
    constant, `field`; an instance may replace message and field and add `detail`.
    """

    status: ClassVar[int] = 500
    code: str = "internal_error"
    message: str = "Something went wrong on our side"
    field: str | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        self.message = message or type(self).message
        super().__init__(self.message)
        self.field = field or type(self).field
        self.detail = detail

    @property
    def headers(self) -> dict[str, str]:
        """Response headers that this error sets."""
        return {}


class Recorded(DukanError):
    """Mix-in: the transaction that raises it is committed, because what it wrote must outlive the error.

    For failed sign-ins, spent codes and rate limits: `class InvalidCredentials(Recorded, Unauthenticated)`.
    """


class Invalid(DukanError):
    status = 422
    code = "invalid"
    message = "The input is not valid"


class Unauthenticated(DukanError):
    status = 401
    code = "unauthenticated"
    message = "Sign in to continue"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(DukanError):
    status = 403
    code = "forbidden"
    message = "You are not allowed to do this"


class NotFound(DukanError):
    """No such path, no such id, or a feature that is off: the message is the same for all of them."""

    status = 404
    code = "not_found"
    message = "Not found"

    def __init__(self) -> None:
        super().__init__()


class Conflict(DukanError):
    status = 409
    code = "conflict"
    message = "The current state does not allow this"


class _Later(DukanError):
    retry_after: float

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


class RateLimited(_Later):
    """Too many attempts; `retry_after` in seconds."""

    status = 429
    code = "rate_limited"
    message = "Too many requests, try again later"

    def __init__(
        self,
        retry_after: float,
        message: str | None = None,
        *,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after


class Unavailable(_Later):
    """A dependency is unavailable; `retry_after` in seconds is an estimate."""

    status = 503
    code = "unavailable"
    message = "Temporarily unavailable, try again shortly"
    retry_after = 5.0

    def __init__(
        self,
        message: str | None = None,
        *,
        retry_after: float | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, detail=detail)
        self.retry_after = retry_after if retry_after is not None else type(self).retry_after


class MalformedJson(DukanError):
    """`field` is the path of a duplicate key, or of a number that is none."""

    status = 400
    code = "malformed_json"
    message = "The body is not valid JSON"


class MalformedForm(DukanError):
    status = 400
    code = "malformed_form"
    message = "The body is not a valid form"


class UnknownTimeZone(DukanError):
    status = 400
    code, field = "unknown_time_zone", "timezone"
    message = "This is not an IANA time zone, such as Africa/Dar_es_Salaam"


class UnsupportedCredentials(Unauthenticated):
    code = "unsupported_credentials"
    message = "Only Bearer credentials are accepted here"


class TokenInvalid(Unauthenticated):
    code = "token_invalid"
    message = "The access token is not valid"


class TokenNotYetValid(Unauthenticated):
    code = "token_not_yet_valid"
    message = "The access token is not valid yet"


class TokenExpired(Unauthenticated):
    code = "token_expired"
    message = "The access token has expired"


class SessionEnded(Unauthenticated):
    code = "session_revoked"
    message = "The session has ended"


class InsufficientScope(Forbidden):
    code = "insufficient_scope"
    message = "The credential's scopes do not allow this"


class CsrfTokenInvalid(Forbidden):
    code = "csrf"
    message = "Send the CSRF token in X-CSRF-Token"


class AlreadyExists(Conflict):
    code = "already_exists"
    message = "This exists already"


class InUse(Conflict):
    code = "in_use"
    message = "Something referred to is missing or in use"


class PayloadTooLarge(DukanError):
    status = 413
    code = "payload_too_large"
    message = "The body is too large"


class UriTooLong(DukanError):
    status = 414
    code = "uri_too_long"
    message = "The URL is too long"


class MalformedRequest(DukanError):
    status = 400
    code = "malformed_request"
    message = "This is not valid HTTP"


class MethodNotAllowed(DukanError):
    """The path has other methods, which `Allow` names."""

    status = 405
    code = "method_not_allowed"
    message = "This method is not possible here"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__()
        self._allowed = allowed

    @property
    def headers(self) -> dict[str, str]:
        return {"Allow": ", ".join(self._allowed)}


class MethodNotImplemented(DukanError):
    status = 501
    code = "method_not_implemented"
    message = "No path here has this method"


class PreconditionFailed(DukanError):
    status = 412
    code = "precondition_failed"
    message = "This is another version than the one you asked for"


class RangeNotSatisfiable(DukanError):
    """No part of the range exists; `Content-Range` has the size."""

    status = 416
    code = "range_not_satisfiable"
    message = "The range is outside of the file"

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Range": f"bytes */{self._size}"}


class UnsupportedMediaType(DukanError):
    status = 415
    code = "unsupported_media_type"
    message = "The body should be application/json"


class UnstorableValue(Invalid):
    """The database cannot represent the value, such as a NUL character in a text."""

    code = "unstorable_value"
    message = "A value cannot be stored"


class Contention(Unavailable):
    code = "contention"
    message = "Too many changes at once, try again"
    retry_after = 1.0


class TimedOut(Unavailable):
    code = "timeout"
    message = "This took too long, try again shortly"


class StorageFull(Unavailable):
    """A disk is full, the database's or one for files: reading still works."""

    code = "storage_full"
    message = "Nothing can be stored at the moment, try again later"
    retry_after = 30.0


class Stopping(Unavailable):
    """The process stopped before the request was finished; what it was asked to do may still happen."""

    code = "stopping"
    message = "The server is restarting, try again shortly"
    retry_after = 1.0


class BadGateway(Unavailable):
    """The service behind the gateway cannot be reached, or closed the connection."""

    status = 502
    code = "bad_gateway"
    message = "The service could not be reached, try again shortly"
    retry_after = 1.0


class GatewayTimeout(Unavailable):
    """The service behind the gateway did not answer in time; what it was asked to do may still happen."""

    status = 504
    code = "gateway_timeout"
    message = "The service did not answer in time"


@dataclass(frozen=True, slots=True)
class Rejected:
    """The error of one item of a group, as a value: raising it would end the work on the other items."""

    error: DukanError


class HandlerFailure(Exception):
    """Why a consumer could not handle an event."""


class Permanent(HandlerFailure):
    """No retry can succeed: the event becomes a dead letter at once."""


class Transient(HandlerFailure):
    """Worth another attempt after a pause."""


class DatabaseUnavailable(ConnectionError):
    """The database, or the connection to it, failed; the work itself did not.

    Raised at commit, it leaves open whether the transaction was committed.
    """


class DatabaseFull(DatabaseUnavailable):
    """The database server has no room left: it reads, and writes again once there is room."""


def is_outage(error: BaseException) -> bool:
    """Whether the database failed, rather than the work."""
    return isinstance(error, DatabaseUnavailable)
