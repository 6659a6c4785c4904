"""An issuer that people have their accounts at, spoken to by OpenID Connect: the code flow with PKCE.

Only the addresses of the issuer's own metadata are called, none that anybody sent; redirects are not followed, and
every answer is bounded in time and length.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import jwt
from email_validator import EmailNotValidError, validate_email
from pydantic import BaseModel

from auth.domain.identifiers import normalised_email
from auth.domain.oidc import (
    Expected,
    Stranger,
    UntrustedTokenError,
    challenge_of,
    check_access_token,
    check_claims,
)
from auth.providers.oidc_file import ClaimName, ProviderEntry
from common import clock
from common.errors import DukanError, Forbidden, Invalid, Unauthenticated, Unavailable
from common.web.fetching import PLAIN, fetch_json, read_json
from common.web.keys import FITTING, KeySet, UntrustedKeysError

log = logging.getLogger(__name__)

# Three calls at most while somebody waits, within what the gateway waits.
LONGEST_CALL = 3.0
KEPT = 3600.0
RETRY_AFTER_FAILURE = 5.0
LONGEST_TOKEN = 16 * 1024
LONGEST_NAME = 100
ALGORITHMS = tuple(name for names in FITTING.values() for name in names)
STANDARD: Mapping[ClaimName, str] = {
    "email": "email",
    "email_verified": "email_verified",
    "first_name": "given_name",
    "last_name": "family_name",
}
AWAY = (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, UntrustedKeysError)


class Metadata(BaseModel):
    """What the issuer says of itself (OpenID Connect Discovery), as far as it matters here."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    id_token_signing_alg_values_supported: list[str] = ["RS256"]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False

    @property
    def algorithms(self) -> Sequence[str]:
        """Those that both sides take; never a symmetric one, never `none`."""
        return [name for name in ALGORITHMS if name in self.id_token_signing_alg_values_supported]


@dataclass(frozen=True, slots=True)
class Secrets:
    """Of one sign-in on its way; the issuer gets the verifier's hash first and the verifier last."""

    verifier: str
    nonce: str
    redirect_uri: str


class Provider:
    """One issuer of the operator's file; its metadata and keys are kept for an hour, and the old ones while it is
    away."""

    def __init__(self, name: str, entry: ProviderEntry, client: httpx.AsyncClient, *, allows_http: bool) -> None:
        self.name = name
        self.display_name = entry.display_name or name
        self._entry = entry
        self._client = client
        self._schemes = ("https", "http") if allows_http else ("https",)
        self._metadata: Metadata | None = None
        self._keys: KeySet | None = None
        self._fetching = asyncio.Lock()
        self._next_fetch = 0.0

    async def authorization_url(self, state: str, secrets: Secrets) -> str:
        """Where to send the browser. Raises Unavailable."""
        metadata, _ = await self._known()
        query = {
            "response_type": "code",
            "client_id": self._entry.client_id,
            "redirect_uri": secrets.redirect_uri,
            "scope": " ".join(self._entry.scopes),
            "state": state,
            "nonce": secrets.nonce,
            "code_challenge": challenge_of(secrets.verifier),
            "code_challenge_method": "S256",
        }
        joint = "&" if urlsplit(metadata.authorization_endpoint).query else "?"
        return f"{metadata.authorization_endpoint}{joint}{urlencode(query)}"

    async def redeem(self, code: str, iss: str | None, secrets: Secrets) -> Stranger:
        """Whom the code stands for. `iss` is the parameter of the redirect (RFC 9207).

        Raises Unavailable when the issuer cannot be asked, Invalid or Unauthenticated when it is asked in vain.
        """
        metadata, keys = await self._known()
        if iss != self._entry.issuer and (iss or metadata.authorization_response_iss_parameter_supported):
            raise Forbidden("The answer comes from another issuer", code="oidc_wrong_issuer", field="iss")
        tokens = await self._exchange(metadata, code, secrets)
        claims = await self._verified(tokens, metadata, keys, secrets.nonce)
        return self._stranger(claims)

    async def _known(self) -> tuple[Metadata, KeySet]:
        async with self._fetching:
            if time.monotonic() >= self._next_fetch:
                await self._renew()
        if self._metadata is None or self._keys is None:
            raise away()
        return self._metadata, self._keys

    async def _renew(self) -> None:
        self._next_fetch = time.monotonic() + RETRY_AFTER_FAILURE
        url = f"{self._entry.issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            metadata = self._checked(Metadata.model_validate(await self._fetch(url)()))
            keys = KeySet(self._fetch(metadata.jwks_uri), metadata.algorithms)
            await keys.refresh()
        except AWAY as error:
            log.warning("the issuer %s cannot be used: %r", self.name, error)
            return
        self._metadata, self._keys = metadata, keys
        self._next_fetch = time.monotonic() + KEPT

    def _fetch(self, url: str) -> Any:
        return fetch_json(self._client, url, seconds=LONGEST_CALL)

    def _checked(self, metadata: Metadata) -> Metadata:
        if metadata.issuer != self._entry.issuer:
            raise ValueError("the metadata is another issuer's")
        if not metadata.algorithms:
            raise ValueError("the issuer signs with nothing that is trusted here")
        for url in (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri):
            if urlsplit(url).scheme not in self._schemes:
                raise ValueError(f"{url} is no https URL")
        return metadata

    async def _exchange(self, metadata: Metadata, code: str, secrets: Secrets) -> Mapping[str, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": secrets.redirect_uri}
        form, auth = self._credentials(metadata, form | {"code_verifier": secrets.verifier})
        options: dict[str, Any] = {"data": form, "headers": PLAIN} | ({"auth": auth} if auth else {})
        try:
            async with (
                asyncio.timeout(LONGEST_CALL),
                self._client.stream("POST", metadata.token_endpoint, **options) as answer,
            ):
                tokens = await read_json(answer)
        except AWAY as error:
            raise away() from error
        if not isinstance(tokens, Mapping):
            raise away()
        if answer.status_code != 200:
            raise self._refused(answer.status_code, tokens.get("error"))
        return tokens

    def _credentials(self, metadata: Metadata, form: dict[str, str]) -> tuple[dict[str, str], httpx.BasicAuth | None]:
        secret = self._entry.client_secret.get_secret_value()
        if secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            return form, httpx.BasicAuth(quote(self._entry.client_id, safe=""), quote(secret, safe=""))
        ours = {"client_id": self._entry.client_id} | ({"client_secret": secret} if secret else {})
        return form | ours, None

    def _refused(self, status: int, reason: object) -> DukanError:
        if status == 400 and reason == "invalid_grant":
            return Invalid("The code is wrong, used or too old; start again", code="oidc_code_invalid", field="code")
        # invalid_client and the like: ours to mend, and nothing that whoever signs in could do better.
        log.error("the issuer %s refuses an exchange with %s: %.100r", self.name, status, reason)
        return away()

    async def _verified(
        self, tokens: Mapping[str, Any], metadata: Metadata, keys: KeySet, nonce: str
    ) -> Mapping[str, Any]:
        expected = Expected(self._entry.issuer, self._entry.client_id, nonce)
        try:
            token = tokens.get("id_token")
            header = _header(token)
            # The code was good: a key that is not there yet is the issuer's delay, and no forgery.
            if (key := await keys.find(header["kid"])) is None:
                raise away()
            claims: Mapping[str, Any] = jwt.decode(str(token), key, list(metadata.algorithms), options=SIGNATURE_ONLY)
            check_claims(claims, expected, clock.now().timestamp())
            check_access_token(claims, tokens.get("access_token"), header["alg"])
        except (UntrustedTokenError, jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            log.warning("an ID token of %s is refused: %r", self.name, error)
            raise Unauthenticated("The issuer's ID token is not accepted", code="oidc_token_invalid") from error
        return claims

    def _stranger(self, claims: Mapping[str, Any]) -> Stranger:
        said = {ours: claims.get(self._entry.claims.get(ours, theirs)) for ours, theirs in STANDARD.items()}
        return Stranger(
            self.name,
            self._entry.issuer,
            claims["sub"],
            _email(said["email"]),
            # Some issuers write their booleans as texts.
            self._entry.trusts_email or said["email_verified"] in (True, "true"),
            _name(said["first_name"]),
            _name(said["last_name"]),
        )


SIGNATURE_ONLY: Any = {
    f"verify_{name}": False for name in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")
}  # The rest is checked by the process's own clock, and by what was agreed with this issuer.


def away() -> Unavailable:
    return Unavailable("The issuer cannot be asked at this moment", code="oidc_unavailable", retry_after=5)


def _header(token: object) -> dict[str, Any]:
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
        raise UntrustedTokenError("there is none, or it is too long")
    header = jwt.get_unverified_header(token)
    if not isinstance(header.get("kid"), str) or header.get("alg") not in ALGORITHMS:
        raise UntrustedTokenError("it names no key or another algorithm")
    return header


def _email(value: object) -> str | None:
    try:
        # The reserved domain .test is let in, as at registration.
        checked = validate_email(str(value), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return normalised_email(checked.normalized) if len(checked.normalized) <= 254 else None


def _name(value: object) -> str:
    return value.strip()[:LONGEST_NAME] if isinstance(value, str) and value.isprintable() else ""
