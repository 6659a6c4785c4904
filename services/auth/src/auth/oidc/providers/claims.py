"""Reads an issuer's claims as an ExternalIdentity."""

from collections.abc import Mapping

from auth.oidc.domain import ExternalIdentity
from auth.oidc.providers.config import ClaimName, ProviderEntry
from auth.oidc.providers.http import Claims
from common.people.emails import normalised_email
from common.people.errors import RuleError
from common.people.names import check_name

MAX_NAME_LENGTH = 100
STANDARD: Mapping[ClaimName, str] = {
    "email": "email",
    "email_verified": "email_verified",
    "first_name": "given_name",
    "last_name": "family_name",
}


def lacks_email(entry: ProviderEntry, claims: Claims) -> bool:
    return not claims.get(_claim(entry, "email"))


def complete(entry: ProviderEntry, claims: Claims, userinfo: Claims) -> Claims:
    """The ID token's claims, completed by the userinfo's; for a token without an address.

    Address and `email_verified` both come from the userinfo: together they mean something, mixed they do not.
    """
    pair = [_claim(entry, "email"), _claim(entry, "email_verified")]
    return {**userinfo, **claims, **{name: userinfo.get(name) for name in pair}}


def identity_of(provider: str, entry: ProviderEntry, claims: Claims, *, email_unavailable: bool) -> ExternalIdentity:
    values = {name: claims.get(_claim(entry, name)) for name in STANDARD}
    return ExternalIdentity(
        provider,
        entry.issuer,
        claims["sub"],
        _email(values["email"]),
        # Some issuers send booleans as strings.
        entry.trusts_email or values["email_verified"] in (True, "true"),
        _name(values["first_name"]),
        _name(values["last_name"]),
        email_unavailable,
    )


def _claim(entry: ProviderEntry, name: ClaimName) -> str:
    """The issuer's own name of the claim."""
    return entry.claims.get(name, STANDARD[name])


def _email(value: object) -> str | None:
    try:
        return normalised_email(str(value))
    except RuleError:
        return None


def _name(value: object) -> str:
    try:
        return check_name(value.strip()[:MAX_NAME_LENGTH]) if isinstance(value, str) else ""
    except RuleError:
        return ""
