"""What an ID token must contain (OpenID Connect Core 3.1.3.7), and which account an external identity signs in to."""

import hmac
import math
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256, sha384, sha512
from typing import Any, Literal

LOGIN_LIFETIME = timedelta(minutes=10)
MAX_PENDING_LOGINS = 200
"""Per address; a whole office may share one."""
CLOCK_SKEW_SECONDS = 60
MAX_SUBJECT_LENGTH = 255
HASHES = {"256": sha256, "384": sha384, "512": sha512}


class UntrustedTokenError(Exception):
    """The ID token does not have the expected content; the message is for the log."""


@dataclass(frozen=True, slots=True)
class ExpectedToken:
    """What the ID token of one sign-in must name."""

    issuer: str
    client_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class ExternalIdentity:
    """A person, as the issuer identifies them.

    `email` is normalised, and None if the issuer gives no usable address. With `email_unavailable` it may have one, but
    could not be asked for it.
    """

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    first_name: str = ""
    last_name: str = ""
    email_unavailable: bool = False


@dataclass(frozen=True, slots=True)
class AccountState:
    """The account with the identity or its address. `is_linked`: this identity has signed in to it before."""

    is_linked: bool
    is_open: bool
    email_confirmed: bool


Decision = Literal[
    "sign_in", "link", "create", "closed", "no_answer", "no_email", "email_unverified", "account_unconfirmed"
]


def decide(identity: ExternalIdentity, account: AccountState | None, *, reveals_existence: bool) -> Decision:
    """What to do with the identity. `reveals_existence`: the response may tell that an address has an account.

    An account whose address was never confirmed is not linked: an attacker may have created it with the address of the
    person who signs in now, and would share it with them. An address that the issuer did not verify is not evidence.
    """
    if account is not None and account.is_linked:
        return "sign_in" if account.is_open else "closed"
    if identity.email is None:
        return "no_answer" if identity.email_unavailable else "no_email"
    if not identity.email_verified and (account is not None or not reveals_existence):
        return "email_unverified"
    if account is None:
        return "create"
    if not account.is_open:
        return "closed"
    return "link" if account.email_confirmed else "account_unconfirmed"


def code_challenge(verifier: str) -> str:
    """PKCE's S256 (RFC 7636)."""
    return _base64(sha256(verifier.encode()).digest())


def check_claims(claims: Mapping[str, Any], expected: ExpectedToken, now: float) -> None:
    """Checks the claims of a token whose signature is valid; `now` is in seconds since 1970.

    Raises UntrustedTokenError.
    """
    _require(claims.get("iss") == expected.issuer, "another issuer")
    _check_audience(claims.get("aud"), claims.get("azp"), expected.client_id)
    _check_times(claims, now)
    nonce = claims.get("nonce")
    _require(isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), expected.nonce.encode()), "another nonce")
    subject = claims.get("sub")
    is_subject = isinstance(subject, str) and 0 < len(subject) <= MAX_SUBJECT_LENGTH and subject.isprintable()
    _require(is_subject, "no subject")


def check_access_token(claims: Mapping[str, Any], access_token: object, algorithm: str) -> None:
    """Checks the hash of the access token, if the ID token contains one. Raises UntrustedTokenError."""
    if (at_hash := claims.get("at_hash")) is None:
        return
    right = half_hash(access_token, algorithm) if isinstance(access_token, str) else ""
    is_right = isinstance(at_hash, str) and hmac.compare_digest(at_hash.encode(), right.encode())
    _require(is_right, "another access token")


def half_hash(token: str, algorithm: str) -> str:
    """The left half of the token's hash, by the hash function of the signature's algorithm (EdDSA: SHA-512)."""
    digest = HASHES.get(algorithm[-3:], sha512)(token.encode()).digest()
    return _base64(digest[: len(digest) // 2])


def _check_audience(audience: object, authorized: object, client_id: str) -> None:
    audiences = audience if isinstance(audience, list) else [audience]
    _require(client_id in audiences, "another audience")
    _require(authorized == client_id if len(audiences) > 1 else authorized in (None, client_id), "another party")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    _require(_time(claims, "exp", math.nan) > now - CLOCK_SKEW_SECONDS, "it has expired")
    _require(_time(claims, "iat", math.nan) <= now + CLOCK_SKEW_SECONDS, "it was issued in the future")
    _require(_time(claims, "nbf", now) <= now + CLOCK_SKEW_SECONDS, "it is not valid yet")


def _time(claims: Mapping[str, Any], name: str, default: float) -> float:
    """NaN, with which every comparison is false, if the claim is not a number."""
    value = claims.get(name, default)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _require(condition: bool, otherwise: str) -> None:
    if not condition:
        raise UntrustedTokenError(otherwise)


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
