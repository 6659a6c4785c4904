"""The errors of notifications, one class per code."""

from common.errors import NotFound


class NotificationNotFound(NotFound):
    message = "There is no such notification"
