"""Issuers whose ID tokens have a subject only, and the userinfo endpoint the rest."""

from typing import Any

import pytest
from services.auth.tests.harness import data, problem
from services.auth.tests.oidc.browser import Browser, browser, issuer
from services.auth.tests.oidc.fake_issuer import ACCESS_TOKEN, ASHA, FakeIssuer
from services.auth.tests.oidc.provider_harness import ProviderHarness, harness

from auth.oidc.providers import http
from common.errors import Unauthenticated, Unavailable

__all__ = ["browser", "harness", "issuer"]

SILENT = [500, 401, 302, "slow", "endless", "redirect", "not json"]


@pytest.fixture(autouse=True)
def _thin(issuer: FakeIssuer) -> None:
    issuer.thin = True


async def test_userinfo_completes_an_id_token_without_an_address(harness: ProviderHarness) -> None:
    identity = await harness.redeem()
    assert (identity.subject, identity.email, identity.email_verified) == (ASHA["sub"], ASHA["email"], True)
    assert identity.first_name == "Asha"
    assert harness.issuer.requests.count("userinfo") == 1


async def test_userinfo_is_not_requested_for_a_complete_id_token(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: harness.issuer.sign(claims | harness.issuer.person)
    assert (await harness.redeem()).email == ASHA["email"]
    assert "userinfo" not in harness.issuer.requests


async def test_an_issuer_without_a_userinfo_endpoint_is_not_asked(harness: ProviderHarness) -> None:
    harness.issuer.change = {"userinfo_endpoint": None}
    identity = await harness.redeem()
    assert (identity.email, identity.email_unavailable) == (None, False)


async def test_userinfo_is_read_with_the_mapped_claim_names(harness: ProviderHarness) -> None:
    harness.issuer.person = {"sub": "7", "email": "another@company.test", "mail": "baraka@company.test"}
    assert (await harness.configured(claims={"email": "mail"}).redeem()).email == "baraka@company.test"


async def test_claims_of_the_id_token_win_over_userinfo(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: harness.issuer.sign(claims | {"given_name": "Aisha"})
    harness.issuer.person |= {"family_name": "Mushi"}
    identity = await harness.redeem()
    assert (identity.first_name, identity.last_name) == ("Aisha", "Mushi")


async def test_email_verified_of_one_source_does_not_verify_the_address_of_another(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: harness.issuer.sign(claims | {"email_verified": True})
    harness.issuer.userinfo_claims = {"sub": ASHA["sub"], "email": "somebody.else@company.test"}
    identity = await harness.redeem()
    assert (identity.email, identity.email_verified) == ("somebody.else@company.test", False)


@pytest.mark.parametrize("subject", [{}, {"sub": "another"}, {"sub": None}, {"sub": [ASHA["sub"]]}], ids=str)
async def test_userinfo_of_another_subject_is_rejected(harness: ProviderHarness, subject: dict[str, Any]) -> None:
    harness.issuer.userinfo_claims = {"email": ASHA["email"], "email_verified": True} | subject
    with pytest.raises(Unauthenticated) as error:
        await harness.redeem()
    assert error.value.code == "oidc_userinfo_invalid"


async def test_signed_userinfo_is_ignored(harness: ProviderHarness, caplog: pytest.LogCaptureFixture) -> None:
    harness.issuer.faults = {"userinfo": "signed"}
    identity = await harness.redeem()
    assert (identity.subject, identity.email, identity.email_unavailable) == (ASHA["sub"], None, False)
    assert "signs its userinfo" in caplog.text


@pytest.mark.parametrize("fault", SILENT)
async def test_without_userinfo_the_subject_alone_is_known(
    harness: ProviderHarness, fault: int | str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await harness.authorize()
    monkeypatch.setattr(http, "CALL_TIMEOUT_SECONDS", 0.5)
    harness.issuer.faults = {"userinfo": fault}
    identity = await harness.redeem()
    assert (identity.subject, identity.email, identity.email_unavailable) == (ASHA["sub"], None, True)
    assert "sent no userinfo" in caplog.text
    assert ACCESS_TOKEN not in caplog.text


async def test_userinfo_that_is_not_an_object_is_ignored(harness: ProviderHarness) -> None:
    harness.issuer.userinfo_claims = ["asha@company.test"]  # type: ignore[assignment]
    assert (await harness.redeem()).email_unavailable


@pytest.mark.parametrize("token", ["a\r\nX-Evil: b", "ключ"])
async def test_an_access_token_that_cannot_be_a_header_is_neither_sent_nor_logged(
    harness: ProviderHarness, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await harness.provider._client.userinfo(f"{harness.issuer.url}/userinfo", token) is None
    assert token not in caplog.text
    assert harness.issuer.requests == []


async def test_userinfo_over_plain_http_is_not_requested_in_production(harness: ProviderHarness) -> None:
    with pytest.raises(Unavailable):
        await harness.configured(allows_http=False).authorize()
    harness.issuer.change = {"userinfo_endpoint": "ftp://company.test/userinfo"}
    with pytest.raises(Unavailable):
        await harness.configured().authorize()


async def test_a_new_identity_gets_an_account_by_its_userinfo(browser: Browser) -> None:
    user = data(await browser.sign_in())["user"]
    assert (user["email"], user["email_confirmed"], user["first_name"]) == (ASHA["email"], True, "Asha")


async def test_a_known_identity_signs_in_without_userinfo_and_keeps_its_address(browser: Browser) -> None:
    first = data(await browser.sign_in())
    browser.issuer.faults = {"userinfo": 500}
    again = data(await browser.sign_in())
    assert again["user"]["id"] == first["user"]["id"]
    [identity] = data(await browser.api.get("/auth/identities", again))
    assert identity["email"] == ASHA["email"]


async def test_a_new_identity_without_userinfo_has_to_start_again(browser: Browser) -> None:
    browser.issuer.faults = {"userinfo": 500}
    back = await browser.authorize()
    rejected = await browser.finish(back)
    assert problem(rejected, 503) == (None, "oidc_no_answer")
    assert int(rejected.headers["Retry-After"]) >= 1
    assert problem(await browser.finish(back), 422) == ("state", "oidc_state_invalid")
    assert await browser.api.audited(None, "sign_in") == ["no_answer"]
    browser.issuer.faults = {}
    assert data(await browser.sign_in())["user"]["email"] == ASHA["email"]


async def test_an_identity_is_linked_by_its_subject_without_userinfo(browser: Browser) -> None:
    tokens = await browser.api.signed_in()
    started = data(await browser.api.act("/auth/oidc/company/link", tokens))
    browser.issuer.faults = {"userinfo": 500}
    back = await browser.issuer.authorize(started["authorization_url"]) | {"provider": "company"}
    assert data(await browser.api.act("/auth/identities", tokens, back), 201)["email"] is None
    assert data(await browser.sign_in())["user"]["id"] == tokens["user"]["id"]


async def test_userinfo_of_another_person_is_rejected_and_audited(browser: Browser) -> None:
    browser.issuer.userinfo_claims = {"sub": "another", "email": ASHA["email"], "email_verified": True}
    assert problem(await browser.sign_in(), 401) == (None, "oidc_userinfo_invalid")
    assert await browser.api.audited(None, "sign_in") == ["oidc_userinfo_invalid"]
    assert await browser.api.rows("SELECT * FROM identity") == []
