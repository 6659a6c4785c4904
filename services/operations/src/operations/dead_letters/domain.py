"""The states of a dead letter, and the decisions about it."""

import base64
import json
from typing import Any

from operations.errors import AlreadyDecided, UnreadableEvent

WAITING = "waiting"
REPLAYED = "replayed"
DISCARDED = "discarded"

UNREADABLE = "unknown"
"""The source that the bus gives to a message that is not an event."""


def check_undecided(state: str) -> None:
    """Raises AlreadyDecided unless the dead letter waits. A replayed one that fails again waits again."""
    if state != WAITING:
        raise AlreadyDecided(f"The dead letter is already {state}")


def check_readable(source: str) -> None:
    """Raises UnreadableEvent if the message holds no event that a consumer could handle."""
    if source == UNREADABLE:
        raise UnreadableEvent


def parse_payload(payload: bytes) -> Any:
    """The JSON value; the text if it is not JSON; base64 after the prefix `base64:` if it is not text."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(payload).decode()}"
    try:
        return json.loads(text)
    except ValueError:
        return text
