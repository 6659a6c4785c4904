"""Codes of authenticator apps (RFC 6238): HMAC-SHA1, 30 seconds, six digits; one step early or late is accepted."""

import hmac
from base64 import b32encode
from datetime import datetime
from urllib.parse import quote, urlencode

PERIOD = 30
DIGITS = 6
SLACK = 1
SECRET_BYTES = 20
ISSUER = "Dukan"


def code_at(secret: bytes, step: int, digits: int = DIGITS) -> str:
    """The code of one step, which is 30 seconds since 1970."""
    digest = hmac.digest(secret, step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0xF
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**digits).zfill(digits)


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // PERIOD


def matching_step(secret: bytes, code: str, now: datetime, last_step: int) -> int | None:
    """The step that the code is of; None for a wrong one, and for one of `last_step` or before: a replay."""
    nearby = range(step_at(now) - SLACK, step_at(now) + SLACK + 1)
    # Every step is compared, so that the time says nothing of which it was.
    matching = [step for step in nearby if hmac.compare_digest(code_at(secret, step).encode(), code.encode())]
    return next((step for step in matching if step > last_step), None)


def secret_text(secret: bytes) -> str:
    """As people type it into an app that cannot see the QR code."""
    return b32encode(secret).decode().rstrip("=")


def otpauth_uri(secret: bytes, email: str) -> str:
    """What a QR code for the app holds."""
    label = quote(f"{ISSUER}:{email}", safe="@")
    query = {"secret": secret_text(secret), "issuer": ISSUER, "algorithm": "SHA1", "digits": DIGITS, "period": PERIOD}
    return f"otpauth://totp/{label}?{urlencode(query)}"
