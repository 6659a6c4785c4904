"""How recent an authentication must be for actions that a stolen session must not be able to do."""

from datetime import timedelta

MAX_AUTH_AGE = timedelta(seconds=300)
