# ruff: noqa: N818 - a refusal reads better as what it is: `raise NotFound(...)`
"""Every error the platform raises on purpose.

    DukanError                 answers a request with its status and code
    ├── Invalid          422   the input is understood and wrong
    ├── Unauthenticated  401   nobody is signed in, or the credential is not accepted
    ├── Forbidden        403   signed in, not allowed
    ├── NotFound         404   absent, or not the caller's to see
    ├── Conflict         409   the state of things forbids it now
    ├── RateLimited      429   too often; carries `retry_after`
    └── Unavailable      503   something we depend on is away; carries `retry_after`
    HandlerFailure             why a consumer could not handle an event
    ├── Permanent              no retry mends it: dead letter at once
    └── Transient              worth another attempt

Codes are snake_case and may name their context: `orders.empty_order`. Clients decide by code, people read messages.
"""

import math
from collections.abc import Mapping


class DukanError(Exception):
    """A refusal with an HTTP status and a stable code. `field` is a dotted path into the input: `items.0.quantity`."""

    status = 500
    code = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        field: str | None = None,
        status: int | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status or type(self).status
        self.field = field
        self.detail = detail

    @property
    def headers(self) -> dict[str, str]:
        """Response headers this error asks for."""
        return {}


class Invalid(DukanError):
    status = 422
    code = "invalid"


class Unauthenticated(DukanError):
    status = 401
    code = "unauthenticated"

    def __init__(self, message: str = "Sign in to continue", *, code: str | None = None) -> None:
        super().__init__(message, code=code)

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": "Bearer"}


class Forbidden(DukanError):
    status = 403
    code = "forbidden"


class NotFound(DukanError):
    status = 404
    code = "not_found"


class Conflict(DukanError):
    status = 409
    code = "conflict"


class _Later(DukanError):
    def __init__(self, message: str, retry_after: float, code: str | None, detail: Mapping[str, object] | None) -> None:
        super().__init__(message, code=code, detail=detail)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(max(1, math.ceil(self.retry_after)))}


class RateLimited(_Later):
    """Too many attempts; `retry_after` in seconds."""

    status = 429
    code = "rate_limited"

    def __init__(
        self,
        retry_after: float,
        message: str = "Too many requests, try again later",
        *,
        code: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, retry_after, code, detail)


class Unavailable(_Later):
    """A dependency is away; `retry_after` in seconds is a guess at when to come back."""

    status = 503
    code = "unavailable"

    def __init__(
        self,
        message: str = "Temporarily unavailable, try again shortly",
        *,
        retry_after: float = 5,
        code: str | None = None,
        detail: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(message, retry_after, code, detail)


class HandlerFailure(Exception):
    """Why a consumer could not handle an event."""


class Permanent(HandlerFailure):
    """No retry mends it: the event goes to the dead letters at once."""


class Transient(HandlerFailure):
    """Worth another attempt after a pause."""
