"""What an issuer's ID token must say (OpenID Connect Core 3.1.3.7), and what becomes of whom it names."""

import hmac
import math
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256, sha384, sha512
from typing import Any, Literal

FLOW_LASTS = timedelta(minutes=10)
MOST_OPEN = 200
"""Sign-ins on their way at once, per address; a whole office may share one."""
CLOCK_SKEW = 60
LONGEST_SUBJECT = 255
HASHES = {"256": sha256, "384": sha384, "512": sha512}


class UntrustedTokenError(Exception):
    """The ID token says something else than it must; the message is for the log."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What was agreed with the issuer."""

    issuer: str
    client_id: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Stranger:
    """Whom the issuer has identified. `email` is normalised, and None where it gives none that could be written to;
    `no_answer`: it may have one, and could not be asked for it."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    first_name: str = ""
    last_name: str = ""
    no_answer: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """The account that is concerned. `is_linked`: it was signed in to by this identity before."""

    is_linked: bool
    is_open: bool
    email_confirmed: bool


Decision = Literal[
    "sign_in", "link", "create", "closed", "no_answer", "no_email", "email_unverified", "account_unconfirmed"
]


def decide(stranger: Stranger, standing: Standing | None, *, may_tell: bool) -> Decision:
    """What to do with someone at the door. With `may_tell` they may learn that an address is taken.

    An account whose address was never confirmed may have been opened by somebody else, who waits for the owner of
    the address to be let into it; and an address that the issuer did not verify is nobody's.
    """
    if standing is not None and standing.is_linked:
        return "sign_in" if standing.is_open else "closed"
    if stranger.email is None:
        return "no_answer" if stranger.no_answer else "no_email"
    if not stranger.email_verified and (standing is not None or not may_tell):
        return "email_unverified"
    if standing is None:
        return "create"
    if not standing.is_open:
        return "closed"
    return "link" if standing.email_confirmed else "account_unconfirmed"


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636)."""
    return _base64(sha256(verifier.encode()).digest())


def check_claims(claims: Mapping[str, Any], expected: Expected, now: float) -> None:
    """Whether the claims of a token with a good signature are what was asked for, at this moment. `now` is in seconds
    since the epoch. Raises UntrustedTokenError."""
    _demand(claims.get("iss") == expected.issuer, "another issuer")
    _check_audience(claims.get("aud"), claims.get("azp"), expected.client_id)
    _check_times(claims, now)
    nonce = claims.get("nonce")
    _demand(isinstance(nonce, str) and hmac.compare_digest(nonce.encode(), expected.nonce.encode()), "another nonce")
    subject = claims.get("sub")
    _demand(isinstance(subject, str) and 0 < len(subject) <= LONGEST_SUBJECT and subject.isprintable(), "no subject")


def check_access_token(claims: Mapping[str, Any], access_token: object, algorithm: str) -> None:
    """Whether the access token is the one that the ID token was issued with, where it says so."""
    if (named := claims.get("at_hash")) is None:
        return
    right = half_hash(access_token, algorithm) if isinstance(access_token, str) else ""
    _demand(isinstance(named, str) and hmac.compare_digest(named.encode(), right.encode()), "another access token")


def half_hash(token: str, algorithm: str) -> str:
    """The left half of the token's hash, by the hash function of the signature's algorithm (EdDSA: SHA-512)."""
    digest = HASHES.get(algorithm[-3:], sha512)(token.encode()).digest()
    return _base64(digest[: len(digest) // 2])


def _check_audience(audience: object, authorized: object, client_id: str) -> None:
    listed = audience if isinstance(audience, list) else [audience]
    _demand(client_id in listed, "another audience")
    _demand(authorized == client_id if len(listed) > 1 else authorized in (None, client_id), "another party")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    _demand(_time(claims, "exp", math.nan) > now - CLOCK_SKEW, "it has expired")
    _demand(_time(claims, "iat", math.nan) <= now + CLOCK_SKEW, "it was issued in the future")
    _demand(_time(claims, "nbf", now) <= now + CLOCK_SKEW, "it is not valid yet")


def _time(claims: Mapping[str, Any], name: str, otherwise: float) -> float:
    """What is no number is no time, and compares with none."""
    value = claims.get(name, otherwise)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _demand(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise UntrustedTokenError(otherwise)


def _base64(value: bytes) -> str:
    return urlsafe_b64encode(value).rstrip(b"=").decode()
