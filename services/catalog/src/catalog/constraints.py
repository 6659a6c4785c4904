"""Errors for violated constraints of the database."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.exc import IntegrityError

from common.errors import DukanError


@contextmanager
def constraint_errors(errors: Mapping[str, type[DukanError]]) -> Iterator[None]:
    """Raise the error that is listed under the name of the violated constraint, in place of the database's own."""
    try:
        yield
    except IntegrityError as violation:
        driver_error = violation.orig.__cause__ if violation.orig else None
        error = errors.get(getattr(driver_error, "constraint_name", None) or "")
        if error is None:
            raise
        raise error from violation
