"""What the document shows of answers that are no models of ours: what browsers take for their authenticators."""

from typing import Any

_CHALLENGE = "3q2-7wIFhA0xkYzPpV9mZr5uJtQn8sBvLdKcWgHeXyU"
_ASKED = {"challenge": _CHALLENGE, "timeout": 300_000, "rpId": "shop.example.com", "userVerification": "required"}
_MADE = {
    "challenge": _CHALLENGE,
    "timeout": 300_000,
    "rp": {"id": "shop.example.com", "name": "Dukan"},
    "user": {"id": "AZweQhqAehGPBytsbV5PMA", "name": "neema@example.com", "displayName": "Neema Mushi"},
    "pubKeyCredParams": [{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}],
    "excludeCredentials": [],
    "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
    "attestation": "none",
}


def _answer(data: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    example = {"status": "success", "message": "OK", "data": data, "errors": None}
    return {200: {"content": {"application/json": {"example": example}}}}


REQUEST_OPTIONS = _answer(_ASKED)
CREATION_OPTIONS = _answer(_MADE)
