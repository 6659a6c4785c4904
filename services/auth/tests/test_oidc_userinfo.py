"""Issuers that put nothing but a subject into their ID tokens, and tell the rest when they are asked."""

from typing import Any

import pytest
from services.auth.tests.desk import Desk, desk
from services.auth.tests.fake_issuer import ACCESS_TOKEN, ASHA, FakeIssuer
from services.auth.tests.harness import data, problem
from services.auth.tests.travelling import Traveller, issuer, traveller

from auth.providers import oidc_calls
from common.errors import Unauthenticated, Unavailable

__all__ = ["desk", "issuer", "traveller"]

SILENT = [500, 401, 302, "slow", "endless", "redirect", "not json"]


@pytest.fixture(autouse=True)
def _thin(issuer: FakeIssuer) -> None:
    issuer.thin = True


async def test_what_a_thin_token_leaves_out_is_asked_for(desk: Desk) -> None:
    stranger = await desk.redeem()
    assert (stranger.subject, stranger.email, stranger.email_verified) == (ASHA["sub"], ASHA["email"], True)
    assert stranger.first_name == "Asha"
    assert desk.issuer.asked.count("userinfo") == 1


async def test_an_issuer_that_said_it_all_is_not_asked(desk: Desk) -> None:
    desk.issuer.forge = lambda claims: desk.issuer.sign(claims | desk.issuer.person)
    assert (await desk.redeem()).email == ASHA["email"]
    assert "userinfo" not in desk.issuer.asked


async def test_an_issuer_without_such_an_endpoint_is_not_asked(desk: Desk) -> None:
    desk.issuer.change = {"userinfo_endpoint": None}
    stranger = await desk.redeem()
    assert (stranger.email, stranger.no_answer) == (None, False)


async def test_the_address_is_asked_for_by_the_name_that_the_file_gives_it(desk: Desk) -> None:
    desk.issuer.person = {"sub": "7", "email": "another@company.test", "mail": "baraka@company.test"}
    assert (await desk.described(claims={"email": "mail"}).redeem()).email == "baraka@company.test"


async def test_the_id_token_has_the_last_word(desk: Desk) -> None:
    desk.issuer.forge = lambda claims: desk.issuer.sign(claims | {"given_name": "Aisha"})
    desk.issuer.person |= {"family_name": "Mushi"}
    stranger = await desk.redeem()
    assert (stranger.first_name, stranger.last_name) == ("Aisha", "Mushi")


async def test_an_address_is_not_verified_by_what_was_said_of_another(desk: Desk) -> None:
    desk.issuer.forge = lambda claims: desk.issuer.sign(claims | {"email_verified": True})
    desk.issuer.told = {"sub": ASHA["sub"], "email": "somebody.else@company.test"}
    stranger = await desk.redeem()
    assert (stranger.email, stranger.email_verified) == ("somebody.else@company.test", False)


@pytest.mark.parametrize("subject", [{}, {"sub": "another"}, {"sub": None}, {"sub": [ASHA["sub"]]}], ids=str)
async def test_what_is_told_of_anybody_else_is_refused(desk: Desk, subject: dict[str, Any]) -> None:
    desk.issuer.told = {"email": ASHA["email"], "email_verified": True} | subject
    with pytest.raises(Unauthenticated) as refusal:
        await desk.redeem()
    assert refusal.value.code == "oidc_userinfo_invalid"


async def test_an_answer_in_signed_form_is_passed_over(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.issuer.faults = {"userinfo": "signed"}
    stranger = await desk.redeem()
    assert (stranger.subject, stranger.email, stranger.no_answer) == (ASHA["sub"], None, False)
    assert "signs its userinfo" in caplog.text


@pytest.mark.parametrize("fault", SILENT)
async def test_an_issuer_that_does_not_answer_leaves_the_subject(
    desk: Desk, fault: int | str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.travel()
    monkeypatch.setattr(oidc_calls, "LONGEST_CALL", 0.5)
    desk.issuer.faults = {"userinfo": fault}
    stranger = await desk.redeem()
    assert (stranger.subject, stranger.email, stranger.no_answer) == (ASHA["sub"], None, True)
    assert "gives no userinfo" in caplog.text
    assert ACCESS_TOKEN not in caplog.text


async def test_an_answer_that_is_no_object_is_none(desk: Desk) -> None:
    desk.issuer.told = ["asha@company.test"]  # type: ignore[assignment]
    assert (await desk.redeem()).no_answer


@pytest.mark.parametrize("token", ["a\r\nX-Evil: b", "ключ"])
async def test_an_access_token_that_cannot_be_sent_is_not_and_is_not_written_down(
    desk: Desk, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert await desk.provider._line.userinfo(f"{desk.issuer.url}/userinfo", token) is None
    assert token not in caplog.text
    assert desk.issuer.asked == []


async def test_userinfo_over_plain_http_is_not_asked_for_in_production(desk: Desk) -> None:
    with pytest.raises(Unavailable):
        await desk.described(allows_http=False).travel()
    desk.issuer.change = {"userinfo_endpoint": "ftp://company.test/userinfo"}
    with pytest.raises(Unavailable):
        await desk.described().travel()


async def test_somebody_new_gets_an_account_by_what_was_asked_for(traveller: Traveller) -> None:
    user = data(await traveller.sign_in())["user"]
    assert (user["email"], user["email_confirmed"], user["first_name"]) == (ASHA["email"], True, "Asha")


async def test_who_came_before_is_let_in_by_the_subject_and_keeps_the_address(traveller: Traveller) -> None:
    first = data(await traveller.sign_in())
    traveller.issuer.faults = {"userinfo": 500}
    again = data(await traveller.sign_in())
    assert again["user"]["id"] == first["user"]["id"]
    [identity] = data(await traveller.door.get("/auth/identities", again))
    assert identity["email"] == ASHA["email"]


async def test_somebody_new_is_told_to_start_again_when_the_address_cannot_be_asked_for(traveller: Traveller) -> None:
    traveller.issuer.faults = {"userinfo": 500}
    back = await traveller.travel()
    refused = await traveller.finish(back)
    assert problem(refused, 503) == (None, "oidc_no_answer")
    assert int(refused.headers["Retry-After"]) >= 1
    assert problem(await traveller.finish(back), 422) == ("state", "oidc_state_invalid")
    assert await traveller.door.audited(None, "sign_in") == ["no_answer"]
    traveller.issuer.faults = {}
    assert data(await traveller.sign_in())["user"]["email"] == ASHA["email"]


async def test_somebody_signed_in_links_an_identity_by_its_subject_alone(traveller: Traveller) -> None:
    tokens = await traveller.door.signed_in()
    started = data(await traveller.door.act("/auth/oidc/company/link", tokens))
    traveller.issuer.faults = {"userinfo": 500}
    back = await traveller.issuer.authorize(started["authorization_url"]) | {"provider": "company"}
    assert data(await traveller.door.act("/auth/identities", tokens, back), 201)["email"] is None
    assert data(await traveller.sign_in())["user"]["id"] == tokens["user"]["id"]


async def test_somebody_elses_userinfo_signs_nobody_in_and_is_on_the_trail(traveller: Traveller) -> None:
    traveller.issuer.told = {"sub": "another", "email": ASHA["email"], "email_verified": True}
    assert problem(await traveller.sign_in(), 401) == (None, "oidc_userinfo_invalid")
    assert await traveller.door.audited(None, "sign_in") == ["oidc_userinfo_invalid"]
    assert await traveller.door.rows("SELECT * FROM identity") == []
