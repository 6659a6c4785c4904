"""Six digits that somebody reads in their mailbox, and how little each of them is good for (ASVS 5)."""

from datetime import timedelta
from typing import Literal

Purpose = Literal["confirm_email", "reset_password", "change_email"]

LIFETIME = timedelta(minutes=10)
"""Of a code and its link, and again of the grant that a code was exchanged for."""

MOST_ATTEMPTS = 5

DAY = timedelta(days=1)
CODES_PER_DAY = 10
"""Per address. Later letters hold the link only: asking from many places must not buy more guesses, and nobody can
ask so often that the owner gets nothing any more."""
