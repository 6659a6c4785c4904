"""The operator's guide explains every error code of the gateway."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from common.errors import (
    BadGateway,
    CsrfTokenInvalid,
    DukanError,
    GatewayTimeout,
    MalformedRequest,
    MethodNotAllowed,
    MethodNotImplemented,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    SessionEnded,
    TokenExpired,
    TokenInvalid,
    Unavailable,
    UnsupportedCredentials,
    UriTooLong,
)
from gateway import app

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "gateway.md"
COMMON_ERRORS: tuple[type[DukanError], ...] = (
    BadGateway,
    CsrfTokenInvalid,
    GatewayTimeout,
    MalformedRequest,
    MethodNotAllowed,
    MethodNotImplemented,
    NotFound,
    PayloadTooLarge,
    RateLimited,
    SessionEnded,
    TokenExpired,
    TokenInvalid,
    Unavailable,
    UnsupportedCredentials,
    UriTooLong,
)


def own_errors(error: type[DukanError]) -> Iterator[type[DukanError]]:
    for subclass in error.__subclasses__():
        if subclass.__module__.startswith(f"{app.__package__}."):
            yield subclass
        yield from own_errors(subclass)


@pytest.mark.parametrize("code", sorted({error.code for error in (*COMMON_ERRORS, *own_errors(DukanError))}))
def test_the_guide_explains_each_error_code(code: str) -> None:
    assert f"`{code}`" in GUIDE.read_text()
