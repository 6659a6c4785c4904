"""The states of a dead letter, and what may be done with one."""

from common.errors import Conflict

WAITING = "waiting"
REPLAYED = "replayed"
DISCARDED = "discarded"

UNREADABLE = "unknown"
"""The source of a message that was no event at all: the bus gives it this name."""


def check_undecided(state: str) -> None:
    """Conflict unless the letter waits. A replayed letter that dies again waits again."""
    if state != WAITING:
        raise Conflict(f"The dead letter is already {state}", code="operations.already_decided")


def check_readable(source: str) -> None:
    """Conflict when there is no event in the message that a consumer could be given."""
    if source == UNREADABLE:
        raise Conflict("The message cannot be read as an event: discard it", code="operations.unreadable")
