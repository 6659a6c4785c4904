"""The envelope of every JSON response.

Success: `{"status": "success", "message", "data", "errors": null, "meta"?}`.
Error: `{"status": "error", "message", "data": null, "code", "errors": [{"field", "code", "message"}], "request_id"}`.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")


class Envelope(BaseModel, Generic[T]):
    """A success response; routes declare it as `-> Envelope[OrderView]`. `meta` is omitted if there is none."""

    status: Literal["success"] = "success"
    message: Annotated[str, Field(examples=["OK"])] = ""
    data: T
    errors: None = None
    meta: dict[str, Any] | None = Field(None, exclude_if=lambda meta: meta is None)


class Problem(BaseModel):
    """One error; `field` is a dotted path into the input, or null if the error is about the whole request."""

    field: Annotated[str | None, Field(examples=["items.0.quantity"])] = None
    code: Annotated[str, Field(examples=["invalid"])]
    message: Annotated[str, Field(examples=["Input should be greater than or equal to 1"])]
    detail: dict[str, Any] | None = Field(None, exclude_if=lambda detail: detail is None)


class ErrorEnvelope(BaseModel):
    status: Literal["error"] = "error"
    message: Annotated[str, Field(examples=["items.0.quantity: Input should be greater than or equal to 1"])]
    data: None = None
    code: Annotated[str, Field(examples=["invalid"])]
    errors: list[Problem]
    request_id: Annotated[str | None, Field(examples=["019c1f0c-7a10-7b3e-9f52-6a1f0c9d2e10"])] = None


def ok(data: T, message: str = "OK", meta: Mapping[str, Any] | None = None) -> Envelope[T]:
    return Envelope(data=data, message=message, meta=dict(meta) if meta is not None else None)


def created(data: T, message: str = "Created") -> Envelope[T]:
    """The body of a 201; the status itself is the route's: `@router.post(..., status_code=201)`."""
    return ok(data, message)


def accepted(data: T, message: str = "Accepted") -> Envelope[T]:
    """The body of a 202; the status itself is the route's: `@router.post(..., status_code=202)`."""
    return ok(data, message)


def failure(message: str, code: str, problems: Sequence[Problem], request_id: str | None) -> ErrorEnvelope:
    """An error envelope; without problems, it lists the error itself."""
    errors = list(problems) or [Problem(code=code, message=message)]
    return ErrorEnvelope(message=message, code=code, errors=errors, request_id=request_id)
