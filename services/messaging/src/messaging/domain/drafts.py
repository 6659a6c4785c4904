"""A message before it is queued."""

from dataclasses import dataclass
from datetime import date
from typing import Literal
from uuid import UUID

Channel = Literal["whatsapp", "sms"]

ORDER_CHANNEL: Channel = "whatsapp"

SHOP = UUID(int=0)
"""The account that the platform's own messages are counted under."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What `user_id` sends or is sent. `charged_to` and `charged_on` name the quota that it counts for.

    `cause` is the event that asked for it, `client_ref` the sender's own reference: neither brings two messages.
    """

    user_id: UUID
    channel: Channel
    recipient: str
    text: str
    charged_to: UUID
    charged_on: date
    cause: UUID | None = None
    client_ref: str | None = None
