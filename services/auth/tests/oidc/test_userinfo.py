"""Issuers that put nothing but a subject into their ID tokens, and tell the rest when they are asked."""

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


async def test_what_a_thin_token_leaves_out_is_asked_for(harness: ProviderHarness) -> None:
    stranger = await harness.redeem()
    assert (stranger.subject, stranger.email, stranger.email_verified) == (ASHA["sub"], ASHA["email"], True)
    assert stranger.first_name == "Asha"
    assert harness.issuer.asked.count("userinfo") == 1


async def test_an_issuer_that_said_it_all_is_not_asked(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: harness.issuer.sign(claims | harness.issuer.person)
    assert (await harness.redeem()).email == ASHA["email"]
    assert "userinfo" not in harness.issuer.asked


async def test_an_issuer_without_such_an_endpoint_is_not_asked(harness: ProviderHarness) -> None:
    harness.issuer.change = {"userinfo_endpoint": None}
    stranger = await harness.redeem()
    assert (stranger.email, stranger.email_unavailable) == (None, False)


async def test_the_address_is_asked_for_by_the_name_that_the_file_gives_it(harness: ProviderHarness) -> None:
    harness.issuer.person = {"sub": "7", "email": "another@company.test", "mail": "baraka@company.test"}
    assert (await harness.described(claims={"email": "mail"}).redeem()).email == "baraka@company.test"


async def test_the_id_token_has_the_last_word(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: harness.issuer.sign(claims | {"given_name": "Aisha"})
    harness.issuer.person |= {"family_name": "Mushi"}
    stranger = await harness.redeem()
    assert (stranger.first_name, stranger.last_name) == ("Aisha", "Mushi")


async def test_an_address_is_not_verified_by_what_was_said_of_another(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: harness.issuer.sign(claims | {"email_verified": True})
    harness.issuer.told = {"sub": ASHA["sub"], "email": "somebody.else@company.test"}
    stranger = await harness.redeem()
    assert (stranger.email, stranger.email_verified) == ("somebody.else@company.test", False)


@pytest.mark.parametrize("subject", [{}, {"sub": "another"}, {"sub": None}, {"sub": [ASHA["sub"]]}], ids=str)
async def test_what_is_told_of_anybody_else_is_refused(harness: ProviderHarness, subject: dict[str, Any]) -> None:
    harness.issuer.told = {"email": ASHA["email"], "email_verified": True} | subject
    with pytest.raises(Unauthenticated) as refusal:
        await harness.redeem()
    assert refusal.value.code == "oidc_userinfo_invalid"


async def test_an_answer_in_signed_form_is_passed_over(
    harness: ProviderHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.issuer.faults = {"userinfo": "signed"}
    stranger = await harness.redeem()
    assert (stranger.subject, stranger.email, stranger.email_unavailable) == (ASHA["sub"], None, False)
    assert "signs its userinfo" in caplog.text


@pytest.mark.parametrize("fault", SILENT)
async def test_an_issuer_that_does_not_answer_leaves_the_subject(
    harness: ProviderHarness, fault: int | str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await harness.authorize()
    monkeypatch.setattr(http, "CALL_TIMEOUT_SECONDS", 0.5)
    harness.issuer.faults = {"userinfo": fault}
    stranger = await harness.redeem()
    assert (stranger.subject, stranger.email, stranger.email_unavailable) == (ASHA["sub"], None, True)
    assert "sent no userinfo" in caplog.text
    assert ACCESS_TOKEN not in caplog.text


async def test_an_answer_that_is_no_object_is_none(harness: ProviderHarness) -> None:
    harness.issuer.told = ["asha@company.test"]  # type: ignore[assignment]
    assert (await harness.redeem()).email_unavailable


@pytest.mark.parametrize("token", ["a\r\nX-Evil: b", "ключ"])
async def test_an_access_token_that_cannot_be_sent_is_not_and_is_not_written_down(
    harness: ProviderHarness, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await harness.provider._client.userinfo(f"{harness.issuer.url}/userinfo", token) is None
    assert token not in caplog.text
    assert harness.issuer.asked == []


async def test_userinfo_over_plain_http_is_not_asked_for_in_production(harness: ProviderHarness) -> None:
    with pytest.raises(Unavailable):
        await harness.described(allows_http=False).authorize()
    harness.issuer.change = {"userinfo_endpoint": "ftp://company.test/userinfo"}
    with pytest.raises(Unavailable):
        await harness.described().authorize()


async def test_somebody_new_gets_an_account_by_what_was_asked_for(browser: Browser) -> None:
    user = data(await browser.sign_in())["user"]
    assert (user["email"], user["email_confirmed"], user["first_name"]) == (ASHA["email"], True, "Asha")


async def test_who_came_before_is_let_in_by_the_subject_and_keeps_the_address(browser: Browser) -> None:
    first = data(await browser.sign_in())
    browser.issuer.faults = {"userinfo": 500}
    again = data(await browser.sign_in())
    assert again["user"]["id"] == first["user"]["id"]
    [identity] = data(await browser.api.get("/auth/identities", again))
    assert identity["email"] == ASHA["email"]


async def test_somebody_new_is_told_to_start_again_when_the_address_cannot_be_asked_for(browser: Browser) -> None:
    browser.issuer.faults = {"userinfo": 500}
    back = await browser.authorize()
    refused = await browser.finish(back)
    assert problem(refused, 503) == (None, "oidc_no_answer")
    assert int(refused.headers["Retry-After"]) >= 1
    assert problem(await browser.finish(back), 422) == ("state", "oidc_state_invalid")
    assert await browser.api.audited(None, "sign_in") == ["no_answer"]
    browser.issuer.faults = {}
    assert data(await browser.sign_in())["user"]["email"] == ASHA["email"]


async def test_somebody_signed_in_links_an_identity_by_its_subject_alone(browser: Browser) -> None:
    tokens = await browser.api.signed_in()
    started = data(await browser.api.act("/auth/oidc/company/link", tokens))
    browser.issuer.faults = {"userinfo": 500}
    back = await browser.issuer.authorize(started["authorization_url"]) | {"provider": "company"}
    assert data(await browser.api.act("/auth/identities", tokens, back), 201)["email"] is None
    assert data(await browser.sign_in())["user"]["id"] == tokens["user"]["id"]


async def test_somebody_elses_userinfo_signs_nobody_in_and_is_on_the_trail(browser: Browser) -> None:
    browser.issuer.told = {"sub": "another", "email": ASHA["email"], "email_verified": True}
    assert problem(await browser.sign_in(), 401) == (None, "oidc_userinfo_invalid")
    assert await browser.api.audited(None, "sign_in") == ["oidc_userinfo_invalid"]
    assert await browser.api.rows("SELECT * FROM identity") == []
