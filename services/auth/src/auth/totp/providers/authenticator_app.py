"""Codes of authenticator apps (RFC 6238): HMAC-SHA1, 30 seconds, six digits; one step early or late is accepted."""

from base64 import b32encode
from datetime import datetime
from hmac import compare_digest

from pyotp import TOTP

ACCEPTED_DRIFT = 1
"""Steps of 30 seconds."""
SECRET_BYTES = 20
ISSUER = "Dukan"


def matching_step(secret: bytes, code: str, now: datetime, last_step: int) -> int | None:
    """The time step that the code belongs to; None if it is wrong, or of `last_step` or before: a replay."""
    totp = TOTP(secret_text(secret))
    current = totp.timecode(now)
    steps = range(current - ACCEPTED_DRIFT, current + ACCEPTED_DRIFT + 1)
    # Every step is compared, so that the time taken does not reveal which one matched.
    matching = [step for step in steps if compare_digest(totp.generate_otp(step).encode(), code.encode())]
    return next((step for step in matching if step > last_step), None)


def secret_text(secret: bytes) -> str:
    """Base32, as people type it into an app that cannot scan the QR code."""
    return b32encode(secret).decode().rstrip("=")


def provisioning_uri(secret: bytes, email: str) -> str:
    """The content of a QR code for the app."""
    return TOTP(secret_text(secret)).provisioning_uri(name=email, issuer_name=ISSUER)
