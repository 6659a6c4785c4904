"""What may be seen of an event's data. Secrets travel sealed, and even sealed they are nobody's reading."""

import base64
import json
import re
from typing import Any

SECRET = re.compile(r"(?i)sealed|secret|password|passw|otp|token|card_number")
MASK = "***"


def shown(value: Any) -> Any:
    """The data with everything masked that a name calls secret."""
    if isinstance(value, dict):
        return {name: MASK if SECRET.search(name) else shown(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    return value


def readable(payload: bytes) -> Any:
    """A payload for people: JSON when it is, else its text, else base64 with a marker before it."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(payload).decode()}"
    try:
        return shown(json.loads(text))
    except ValueError:
        return text
