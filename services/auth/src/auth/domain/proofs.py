"""How long a proof of who one is stays good for what a stolen session must not do."""

from datetime import timedelta

FRESH = timedelta(seconds=300)
