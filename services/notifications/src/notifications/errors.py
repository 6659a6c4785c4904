"""The errors of notifications, one class per code."""

from common.errors import NotFound


class NotificationNotFound(NotFound):
    """There is no such notification."""
