"""What the database's own errors mean to a client: a fallback, use cases should raise a specific error."""

import asyncpg
from sqlalchemy.exc import DBAPIError

from common.errors import AlreadyExists, Contention, DukanError, InUse, TimedOut, UnstorableValue

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
