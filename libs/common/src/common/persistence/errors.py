"""What the database's own errors mean to a client: a fallback, use cases should raise a specific error."""

import asyncpg
from sqlalchemy.exc import DBAPIError

from common.errors import AlreadyExists, Contention, DukanError, InUse, StorageFull, TimedOut, UnstorableValue

KNOWN: tuple[tuple[tuple[type[Exception], ...], type[DukanError]], ...] = (
    ((asyncpg.DataError,), UnstorableValue),
    ((asyncpg.UniqueViolationError,), AlreadyExists),
    ((asyncpg.ForeignKeyViolationError,), InUse),
    ((asyncpg.TransactionRollbackError, asyncpg.LockNotAvailableError), Contention),
    ((asyncpg.QueryCanceledError,), TimedOut),
    ((asyncpg.DiskFullError,), StorageFull),
)


def database_error(error: Exception) -> DukanError | None:
    """The error for the client that an error of the driver stands for; None if it stands for a bug."""
    cause = driver_error(error)
    return next((known() for kinds, known in KNOWN if isinstance(cause, kinds)), None)


def driver_error(error: BaseException) -> BaseException | None:
    """The driver's error, which SQLAlchemy wraps."""
    return error.orig.__cause__ if isinstance(error, DBAPIError) and error.orig else error
