"""The operator's file of the issuers whose accounts may sign in here:

redirect_uris = ["https://shop.example/signed-in"]

[providers.company]
display_name = "Company account"
issuer = "https://login.company.example"
client_id = "dukan"
client_secret = "…"
"""

import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

LOOPBACK = ("127.0.0.1", "::1", "localhost")

ClaimName = Literal["email", "email_verified", "first_name", "last_name"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class OidcFileError(ValueError):
    """The file cannot be used; the message has a line per wrong entry."""


def _with_openid(scopes: list[str]) -> list[str]:
    if "openid" not in scopes:
        raise ValueError("needs openid, without which there is no ID token")
    return scopes


def _issuer(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("is not an https URL without query and fragment")
    return url


def _redirect_uri(uri: str) -> str:
    parts = urlsplit(uri)
    is_app = "." in parts.scheme
    if parts.fragment or not (is_app or (parts.scheme in ("http", "https") and parts.hostname)):
        raise ValueError("is neither an https URL without fragment nor an app's, such as com.example.app:/signed-in")
    return uri


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ProviderEntry(_Strict):
    """`claims` maps our names of claims to the issuer's. With `trusts_email`, every address counts as verified, whether
    the issuer sends `email_verified` or not."""

    issuer: Annotated[Text, AfterValidator(_issuer)]
    client_id: Text
    client_secret: Annotated[SecretStr, Field(strict=False)] = SecretStr("")
    scopes: Annotated[list[Text], AfterValidator(_with_openid)] = ["openid", "email", "profile"]
    display_name: str = ""
    trusts_email: bool = False
    claims: dict[ClaimName, Text] = {}


class OidcFile(_Strict):
    redirect_uris: list[Annotated[Text, AfterValidator(_redirect_uri)]] = []
    providers: dict[Name, ProviderEntry] = {}


def read_oidc_file(path: str, *, allows_http: bool) -> OidcFile:
    """An empty path gives an empty file. Raises OidcFileError."""
    if not path:
        return OidcFile()
    file = _read(Path(path))
    if not allows_http and (places := _plain_http(file)):
        raise OidcFileError("\n".join([f"{path}:", *(f"{place}: needs https in production" for place in places)]))
    return file


def _read(path: Path) -> OidcFile:
    try:
        return OidcFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        # The input may be a secret.
        lines = [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_input=False)]
        raise OidcFileError("\n".join([f"{path}:", *lines])) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OidcFileError(f"{path}: {error}") from None


def _plain_http(file: OidcFile) -> list[str]:
    """The entries that use plain HTTP; a native app may listen on loopback (RFC 8252)."""
    issuers = [f"providers.{name}.issuer" for name, entry in file.providers.items() if _is_http(entry.issuer)]
    uris = [uri for uri in file.redirect_uris if _is_http(uri) and urlsplit(uri).hostname not in LOOPBACK]
    return issuers + [f"redirect_uris: {uri}" for uri in uris]


def _is_http(url: str) -> bool:
    return urlsplit(url).scheme == "http"
