"""Claims of an issuer, read as the account's owner they are about."""

from collections.abc import Mapping

from email_validator import EmailNotValidError, validate_email

from auth.accounts.domain import normalised_email
from auth.domain.oidc import Stranger
from auth.providers.oidc_calls import Claims
from auth.providers.oidc_file import ClaimName, ProviderEntry

LONGEST_NAME = 100
STANDARD: Mapping[ClaimName, str] = {
    "email": "email",
    "email_verified": "email_verified",
    "first_name": "given_name",
    "last_name": "family_name",
}


def lacks_address(entry: ProviderEntry, claims: Claims) -> bool:
    return not claims.get(_theirs(entry, "email"))


def completed(entry: ProviderEntry, claims: Claims, userinfo: Claims) -> Claims:
    """The ID token's claims and, where it says nothing, the userinfo's.

    For a token without an address; that one and whether it is verified come from one place, because nobody verified
    the one when they wrote the other.
    """
    pair = [_theirs(entry, "email"), _theirs(entry, "email_verified")]
    return {**userinfo, **claims, **{name: userinfo.get(name) for name in pair}}


def stranger_of(provider: str, entry: ProviderEntry, claims: Claims, *, no_answer: bool) -> Stranger:
    said = {ours: claims.get(_theirs(entry, ours)) for ours in STANDARD}
    return Stranger(
        provider,
        entry.issuer,
        claims["sub"],
        _email(said["email"]),
        # Some issuers write their booleans as texts.
        entry.trusts_email or said["email_verified"] in (True, "true"),
        _name(said["first_name"]),
        _name(said["last_name"]),
        no_answer,
    )


def _theirs(entry: ProviderEntry, ours: ClaimName) -> str:
    return entry.claims.get(ours, STANDARD[ours])


def _email(value: object) -> str | None:
    try:
        # The reserved domain .test is let in, as at registration.
        checked = validate_email(str(value), check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None
    return normalised_email(checked.normalized) if len(checked.normalized) <= 254 else None


def _name(value: object) -> str:
    return value.strip()[:LONGEST_NAME] if isinstance(value, str) and value.isprintable() else ""
