"""Verifies ID tokens: signature, issuer, audience, nonce and times."""

import logging
from typing import Any

import jwt

from auth.errors import IdTokenInvalid, IssuerUnavailable
from auth.oidc.domain import ExpectedToken, UntrustedTokenError, check_access_token, check_claims
from auth.oidc.providers.discovery import ALGORITHMS, Metadata
from auth.oidc.providers.http import Claims
from common import clock
from common.security.key_set import KeySet

log = logging.getLogger(__name__)

MAX_TOKEN_LENGTH = 16 * 1024
SIGNATURE_ONLY: Any = {f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")}
"""check_claims verifies the rest, by the process's own clock and the values of this sign-in."""


async def verified_claims(tokens: Claims, metadata: Metadata, keys: KeySet, expected: ExpectedToken) -> Claims:
    """The claims of the ID token. Raises IdTokenInvalid, and IssuerUnavailable while its key is not published yet."""
    try:
        token = tokens.get("id_token")
        header = _header(token)
        key = await _key(header, keys)
        claims: Claims = jwt.decode(str(token), key, list(metadata.algorithms), options=SIGNATURE_ONLY)
        check_claims(claims, expected, clock.now().timestamp())
        check_access_token(claims, tokens.get("access_token"), header["alg"])
    except (UntrustedTokenError, jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        log.warning("rejected an ID token of %s: %r", expected.issuer, error)
        raise IdTokenInvalid from error
    return claims


def _header(token: object) -> dict[str, Any]:
    if not isinstance(token, str) or len(token) > MAX_TOKEN_LENGTH:
        raise UntrustedTokenError("it is missing or too long")
    header = jwt.get_unverified_header(token)
    if not isinstance(header.get("kid", ""), str) or header.get("alg") not in ALGORITHMS:
        raise UntrustedTokenError("its key id is not a string, or its algorithm is not allowed")
    return header


async def _key(header: dict[str, Any], keys: KeySet) -> jwt.PyJWK:
    """The key that the header names; without a name, the sole key of the set (OpenID Connect Core, 10.1)."""
    if "kid" not in header:
        if (sole := await keys.sole()) is None:
            raise UntrustedTokenError("it names no key, and there are several")
        return sole
    # The issuer accepted the code, so a missing key is its delay and not a forgery.
    if (key := await keys.find(header["kid"])) is None:
        raise IssuerUnavailable
    return key
