"""One-time codes and links that are sent by e-mail."""

from datetime import timedelta
from typing import Literal

Purpose = Literal["confirm_email", "reset_password", "change_email"]

LIFETIME = timedelta(minutes=10)
"""Of a code and its link, and of the grant that a code is exchanged for."""

MAX_ATTEMPTS = 5

DAY = timedelta(days=1)
MAX_CODES_PER_DAY = 10
"""Per address. Later e-mails contain only the link: requests from many client addresses must not buy more guesses,
and frequent requests must not keep the owner from receiving an e-mail."""
