"""Verifies on the raw bytes that a webhook comes from Stripe."""

import re
from datetime import datetime

from stripe import SignatureVerificationError, WebhookSignature

TOLERANCE_SECONDS = 300
"""How far the signature's timestamp may be from our clock, so that a recorded request cannot be replayed later."""

TIMESTAMP = re.compile(r"[0-9]{1,15}")


def is_signed(body: bytes, header: str, now: datetime, *, secret: str) -> bool:
    """Whether the `Stripe-Signature` header is a current signature of `body`."""
    if not _is_current(header, now):
        return False
    try:
        WebhookSignature.verify_header(body, header, secret)
    except (SignatureVerificationError, UnicodeDecodeError):
        # Stripe signs JSON in UTF-8, so other bytes cannot be from Stripe.
        return False
    return True


def _is_current(header: str, now: datetime) -> bool:
    """Checked here, because the library accepts timestamps from the future and reads the system's clock.

    A header with two timestamps is invalid: the one checked here could be another than the signed one. So is one that
    is not ASCII: the library's comparison raises TypeError for it.
    """
    times = [value for name, _, value in (part.partition("=") for part in header.split(",")) if name == "t"]
    if not header.isascii() or len(times) != 1 or not TIMESTAMP.fullmatch(times[0]):
        return False
    return abs(now.timestamp() - int(times[0])) <= TOLERANCE_SECONDS
