"""What the database's own errors mean to a client: a fallback, use cases should raise a specific error."""

import asyncpg
from sqlalchemy.exc import DBAPIError

from common.errors import Conflict, DukanError, Invalid, Unavailable


class UnstorableValue(Invalid):
    """The database cannot represent the value, such as a NUL character in a text."""

    code = "unstorable_value"
    message = "A value cannot be stored"


class AlreadyExists(Conflict):
    code = "already_exists"
    message = "This exists already"


class InUse(Conflict):
    code = "in_use"
    message = "Something referred to is missing or in use"


class Contention(Unavailable):
    code = "contention"
    message = "Too many changes at once, try again"
    retry_after = 1.0


class TimedOut(Unavailable):
    code = "timeout"
    message = "This took too long, try again shortly"


KNOWN: tuple[tuple[tuple[type[Exception], ...], type[DukanError]], ...] = (
    ((asyncpg.DataError,), UnstorableValue),
    ((asyncpg.UniqueViolationError,), AlreadyExists),
    ((asyncpg.ForeignKeyViolationError,), InUse),
    ((asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError), Contention),
    ((asyncpg.QueryCanceledError,), TimedOut),
)


def database_error(error: Exception) -> DukanError | None:
    """The error for the client that an error of the driver stands for; None if it stands for a bug."""
    driver_error = error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
    return next((known() for kinds, known in KNOWN if isinstance(driver_error, kinds)), None)
