"""Identifiers: UUIDv7 (RFC 9562), so that primary keys grow in time order and indexes stay dense."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7, ordered by creation time to the millisecond."""
    return uuid7()
