"""One-time codes and links that are sent by e-mail."""

from datetime import timedelta
from typing import Literal

Purpose = Literal["confirm_email", "reset_password", "change_email"]

LIFETIME = timedelta(minutes=10)
"""Of a code and its link, and of the grant that a code is exchanged for."""

MAX_ATTEMPTS = 5
"""Per code, from the network that requested it; and as many from all others together."""

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

MAX_EMAILS_PER_HOUR = 6
MAX_EMAILS_PER_DAY = 20
"""Per recipient, of all purposes together."""

MAX_CODES_PER_DAY = 10
"""Per recipient and purpose. Later e-mails contain only the link: requests from many client addresses must not buy more
guesses. With ten attempts per code, a day of guessing finds one in 10,000 codes."""
