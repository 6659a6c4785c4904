"""Verifying that a webhook comes from Stripe, on the raw bytes.

Source: Stripe's documentation, "Resolve webhook signature verification errors: verify manually". The header is
`t=<seconds>,v1=<hex>[,v1=<hex>…]`, where v1 is HMAC-SHA256 over `<t>.<body>`; while a secret is being rolled there is
one v1 per secret.
"""

import hmac
from datetime import datetime
from hashlib import sha256

TOLERANCE = 300
"""Seconds that the signature's time may be away from ours: a captured delivery cannot be replayed later."""


def is_signed(body: bytes, header: str, secret: str, now: datetime) -> bool:
    """Whether `header` is a current signature of `body`."""
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()):
        return False
    if abs(now.timestamp() - int(times[0][:15])) > TOLERANCE:
        return False
    expected = hmac.new(secret.encode(), times[0].encode() + b"." + body, sha256).hexdigest().encode()
    given = [value.encode() for name, _, value in parts if name == "v1"]
    # All are compared, so that the time taken says nothing.
    return any([hmac.compare_digest(expected, each) for each in given])  # noqa: C419
