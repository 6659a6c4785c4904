"""The errors of operations, one class per code."""

from common.errors import Conflict, NotFound


class EventNotFound(NotFound):
    """There is no such event in the journal."""


class DeadLetterNotFound(NotFound):
    """There is no such dead letter."""


class AlreadyDecided(Conflict):
    code = "operations.already_decided"
    message = "The dead letter is already discarded"


class UnreadableEvent(Conflict):
    code = "operations.unreadable"
    message = "The message cannot be read as an event: discard it"
