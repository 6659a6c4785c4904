"""Reads an issuer's claims as an ExternalIdentity."""

from collections.abc import Mapping

from email_validator import EmailNotValidError, validate_email

from auth.accounts.domain import normalised_email
from auth.oidc.domain import ExternalIdentity
from auth.oidc.providers.config import ClaimName, ProviderEntry
from auth.oidc.providers.http import Claims

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
        # The reserved domain .test is allowed, as at registration.
        checked = validate_email(str(value), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return normalised_email(checked.normalized) if len(checked.normalized) <= 254 else None


def _name(value: object) -> str:
    return value.strip()[:MAX_NAME_LENGTH] if isinstance(value, str) and value.isprintable() else ""
