"""The operator's file of issuers: wrong entries are named at startup, without their secrets."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from auth.app import build
from auth.oidc.providers.config import OidcFileError, read_oidc_file
from auth.settings import Settings

COMPANY = """
[providers.company]
issuer = "https://login.company.test"
client_id = "dukan"
client_secret = "the operator's secret"
"""


def read(folder: Path, text: str, *, allows_http: bool = False) -> object:
    path = folder / "oidc.toml"
    path.write_text(text)
    return read_oidc_file(str(path), allows_http=allows_http)


def test_no_file_means_no_issuers() -> None:
    assert read_oidc_file("", allows_http=False).providers == {}


def test_an_entry_needs_little(tmp_path: Path) -> None:
    (tmp_path / "oidc.toml").write_text(COMPANY)
    entry = read_oidc_file(str(tmp_path / "oidc.toml"), allows_http=False).providers["company"]
    assert (entry.scopes, entry.trusts_email, entry.claims) == (["openid", "email", "profile"], False, {})
    assert entry.client_secret == SecretStr("the operator's secret")
    assert "secret" not in repr(entry).replace("client_secret", "")


WRONG = {
    "providers.company.issuer": COMPANY.replace("https://login.company.test", "login.company.test"),
    "providers.company.client_id": COMPANY.replace('client_id = "dukan"', ""),
    "providers.company.scopes": f'{COMPANY}scopes = ["email"]',
    "providers.company.trusts_email": f'{COMPANY}trusts_email = "yes"',
    "providers.company.claims.name": f'{COMPANY}claims = {{ name = "x" }}',
    "providers.company.colour": f'{COMPANY}colour = "blue"',
    "providers.Company One": COMPANY.replace("providers.company", 'providers."Company One"'),
    "redirect_uris.0": f'redirect_uris = ["javascript:alert(1)"]\n{COMPANY}',
    "redirect_uris.1": f'redirect_uris = ["https://a.test/", "https://a.test/#x"]\n{COMPANY}',
}


@pytest.mark.parametrize(("place", "text"), WRONG.items(), ids=WRONG.keys())
def test_the_error_names_the_wrong_entry_and_shows_no_secret(tmp_path: Path, place: str, text: str) -> None:
    with pytest.raises(OidcFileError) as error:
        read(tmp_path, text)
    assert f"\n{place}" in str(error.value)
    assert "operator" not in str(error.value)


@pytest.mark.parametrize("text", ["providers = 7", "[providers", "\0"])
def test_a_malformed_file_is_rejected(tmp_path: Path, text: str) -> None:
    with pytest.raises(OidcFileError, match=r"oidc\.toml"):
        read(tmp_path, text)


def test_plain_http_is_for_local_mode_only(tmp_path: Path) -> None:
    text = 'redirect_uris = ["http://shop.test/in", "http://127.0.0.1:4000/in"]\n' + COMPANY.replace("https", "http")
    assert read(tmp_path, text, allows_http=True)
    with pytest.raises(OidcFileError) as error:
        read(tmp_path, text)
    assert "providers.company.issuer: needs https" in str(error.value)
    assert "shop.test" in str(error.value)
    assert "127.0.0.1" not in str(error.value)


def test_auth_does_not_start_with_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(OidcFileError, match="missing"):
        build(Settings.model_validate({"oidc_file": str(tmp_path / "missing.toml")}))
