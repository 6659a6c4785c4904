"""Whether an ID token is the issuer's word, given to us and now."""

import logging
from typing import Any

import jwt

from auth.domain.oidc import Expected, UntrustedTokenError, check_access_token, check_claims
from auth.providers.oidc_calls import Claims, away
from auth.providers.oidc_metadata import ALGORITHMS, Metadata
from common import clock
from common.errors import Unauthenticated
from common.security.key_set import KeySet

log = logging.getLogger(__name__)

LONGEST_TOKEN = 16 * 1024
SIGNATURE_ONLY: Any = {
    f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}  # The rest is checked by the process's own clock, and by what was agreed with this issuer.


async def verified_claims(tokens: Claims, metadata: Metadata, keys: KeySet, expected: Expected) -> Claims:
    """Those of the ID token. Raises Unauthenticated, and Unavailable while its key is not published yet."""
    try:
        token = tokens.get("id_token")
        header = _header(token)
        key = await _key(header, keys)
        claims: Claims = jwt.decode(str(token), key, list(metadata.algorithms), options=SIGNATURE_ONLY)
        check_claims(claims, expected, clock.now().timestamp())
        check_access_token(claims, tokens.get("access_token"), header["alg"])
    except (UntrustedTokenError, jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        log.warning("an ID token of %s is refused: %r", expected.issuer, error)
        raise Unauthenticated("The issuer's ID token is not accepted", code="oidc_token_invalid") from error
    return claims


def _header(token: object) -> dict[str, Any]:
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
        raise UntrustedTokenError("there is none, or it is too long")
    header = jwt.get_unverified_header(token)
    if not isinstance(header.get("kid", ""), str) or header.get("alg") not in ALGORITHMS:
        raise UntrustedTokenError("it names a key by no text, or another algorithm")
    return header


async def _key(header: dict[str, Any], keys: KeySet) -> jwt.PyJWK:
    """By name, or else the only one that there is (OpenID Connect Core, 10.1)."""
    if "kid" not in header:
        if (only := await keys.only()) is None:
            raise UntrustedTokenError("it names none of several keys")
        return only
    # The code was good: a key that is not there yet is the issuer's delay, and no forgery.
    if (named := await keys.find(header["kid"])) is None:
        raise away()
    return named
