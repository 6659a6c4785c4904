"""Issuers that are away, broken, or say what they must not: nobody is let in, and nothing is left half done."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import SecretStr
from services.auth.tests.harness import data, problem
from services.auth.tests.oidc.browser import Browser, browser, issuer
from services.auth.tests.oidc.fake_issuer import ASHA, CLIENT_ID, FakeIssuer, new_key
from services.auth.tests.oidc.provider_harness import ProviderHarness, harness

from auth.oidc.providers import discovery, http, provider
from common import clock
from common.errors import DukanError, Forbidden, Invalid, Unauthenticated, Unavailable
from common.security import key_set as key_sets

__all__ = ["browser", "harness", "issuer"]

OTHER_KEY = new_key()

Forger = Callable[[FakeIssuer, dict[str, Any]], str]


def with_claims(**changes: Any) -> Forger:
    return lambda issuer, claims: issuer.sign({**claims, **changes})


def without(name: str) -> Forger:
    return lambda issuer, claims: issuer.sign({key: value for key, value in claims.items() if key != name})


def later(seconds: int) -> int:
    return int(clock.now().timestamp()) + seconds


def with_key_id(key_id: Any) -> Forger:
    """Signed by hand: the library makes no such header."""
    return lambda issuer, claims: sign_by_hand(issuer, {"alg": "RS256", "kid": key_id}, claims)


def nameless(issuer: FakeIssuer, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, next(iter(issuer.keys.values())), "RS256")


def unsigned(_issuer: FakeIssuer, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, "", "none", headers={"kid": "first"})


def hmac_with_the_public_key(issuer: FakeIssuer, claims: dict[str, Any]) -> str:
    public = issuer.keys["first"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    parts = ({"alg": "HS256", "kid": "first"}, claims)
    signed = ".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    signature = hmac.digest(public, signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def by_another_key(_issuer: FakeIssuer, claims: dict[str, Any]) -> str:
    return jwt.encode(claims, OTHER_KEY, "RS256", headers={"kid": "first"})


def by_the_key_it_brings(_issuer: FakeIssuer, claims: dict[str, Any]) -> str:
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(OTHER_KEY.public_key(), as_dict=True)
    return jwt.encode(
        claims, OTHER_KEY, "RS256", headers={"kid": "first", "jwk": jwk, "jku": "https://evil.example/jwks"}
    )


def sign_by_hand(issuer: FakeIssuer, header: dict[str, Any], claims: dict[str, Any]) -> str:
    signed = ".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (header, claims))
    signature = issuer.keys["first"].sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"


HOSTILE: dict[str, Forger] = {
    "another issuer": with_claims(iss="https://evil.example"),
    "another audience": with_claims(aud="another-client"),
    "audiences that are nested": with_claims(aud=[[CLIENT_ID]]),
    "several audiences and no party": with_claims(aud=[CLIENT_ID, "other"]),
    "several audiences and another party": with_claims(aud=[CLIENT_ID, "other"], azp="other"),
    "another party": with_claims(azp="other"),
    "another nonce": with_claims(nonce="another"),
    "a nonce that is no text": with_claims(nonce=7),
    "an empty subject": with_claims(sub=""),
    "a subject that is no text": lambda issuer, claims: issuer.sign_raw(claims | {"sub": 7}),
    "a subject that cannot be printed": with_claims(sub="asha\0"),
    "a huge subject": with_claims(sub="x" * 300),
    "an expiry that is past": lambda issuer, claims: issuer.sign(claims | {"exp": later(-120)}),
    "an expiry that is no time": with_claims(exp=True),
    "an expiry that is no number": with_claims(exp=float("nan")),
    "an issue in the future": lambda issuer, claims: issuer.sign(claims | {"iat": later(300)}),
    "a start in the future": lambda issuer, claims: issuer.sign(claims | {"nbf": later(300)}),
    "another access token's hash": with_claims(at_hash="AAAA"),
    "no signature": unsigned,
    "an HMAC keyed with the public key": hmac_with_the_public_key,
    "another key": by_another_key,
    "a key of its own": by_the_key_it_brings,
    "a key id that is no text": with_key_id(7),
    "a critical header": lambda issuer, claims: issuer.sign(claims, crit=["exp"], exp=1),
    "an algorithm that the issuer does not announce": lambda issuer, claims: jwt.encode(
        claims, issuer.keys["first"], "RS512", headers={"kid": "first"}
    ),
    "a huge token": with_claims(padding="x" * 20_000),
    "rubbish": lambda _issuer, _claims: "a.b.c",
} | {f"no {name}": without(name) for name in ("iss", "aud", "exp", "iat", "nonce", "sub")}


@pytest.mark.parametrize("forge", HOSTILE.values(), ids=HOSTILE.keys())
async def test_an_id_token_is_refused_with(harness: ProviderHarness, forge: Forger) -> None:
    harness.issuer.forge = lambda claims: forge(harness.issuer, claims)
    with pytest.raises(Unauthenticated) as refusal:
        await harness.redeem()
    assert refusal.value.code == "oidc_token_invalid"


ACCEPTED: dict[str, Forger] = {
    "several audiences and us as the party": with_claims(aud=[CLIENT_ID, "other"], azp=CLIENT_ID),
    "no hash of the access token": without("at_hash"),
    "claims that nobody knows": with_claims(groups=["a", ["b"]]),
    "no key id, where there is one key": nameless,
}


@pytest.mark.parametrize("forge", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_an_id_token_is_accepted_with(harness: ProviderHarness, forge: Forger) -> None:
    harness.issuer.forge = lambda claims: forge(harness.issuer, claims)
    stranger = await harness.redeem()
    assert (stranger.subject, stranger.email, stranger.email_verified) == (ASHA["sub"], ASHA["email"], True)


@pytest.mark.parametrize("fault", [500, 302, "slow", "endless", "redirect", "not json"])
@pytest.mark.parametrize("endpoint", ["metadata", "jwks", "token"])
async def test_an_issuer_that_is_away_or_broken_is_said_to_be_and_used_when_it_is_back(
    harness: ProviderHarness, endpoint: str, fault: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CALL_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.0)
    harness.issuer.faults = {endpoint: fault}
    with pytest.raises(Unavailable) as refusal:
        await harness.redeem()
    assert refusal.value.code == "oidc_unavailable"
    harness.issuer.faults = {}
    monkeypatch.setattr(http, "CALL_TIMEOUT_SECONDS", 30.0)
    assert (await harness.redeem()).email == ASHA["email"]


async def test_an_issuer_that_is_away_is_asked_once_and_not_by_each_who_waits(harness: ProviderHarness) -> None:
    harness.issuer.faults = {"metadata": 500}
    for _ in range(5):
        with pytest.raises(Unavailable):
            await harness.authorize()
    assert harness.issuer.asked == ["metadata"]


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": 7},
        {"userinfo_endpoint": "file:///etc/passwd"},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
    ids=str,
)
async def test_metadata_that_cannot_be_trusted_is_not_used(harness: ProviderHarness, change: dict[str, Any]) -> None:
    harness.issuer.change = change
    with pytest.raises(Unavailable):
        await harness.authorize()


async def test_metadata_over_plain_http_is_not_used_in_production(harness: ProviderHarness) -> None:
    with pytest.raises(Unavailable):
        await harness.described(allows_http=False).authorize()


async def test_metadata_and_keys_are_fetched_once_for_many(harness: ProviderHarness) -> None:
    for _ in range(3):
        await harness.redeem()
    assert harness.issuer.asked.count("metadata") == harness.issuer.asked.count("jwks") == 1


async def test_a_key_that_the_issuer_rotated_in_is_found(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "COOL_DOWN", 0.0)
    await harness.redeem()
    harness.issuer.rotate()
    await harness.redeem()
    assert harness.issuer.asked.count("jwks") == 2


async def test_a_key_that_is_not_published_yet_is_waited_for(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: jwt.encode(claims, OTHER_KEY, "RS256", headers={"kid": "not yet"})
    with pytest.raises(Unavailable):
        await harness.redeem()


async def test_a_token_that_names_no_key_is_refused_where_there_are_several(harness: ProviderHarness) -> None:
    harness.issuer.keys |= {"second": OTHER_KEY}
    harness.issuer.forge = lambda claims: nameless(harness.issuer, claims)
    with pytest.raises(Unauthenticated):
        await harness.redeem()


async def test_a_set_of_one_key_need_not_name_it_either(harness: ProviderHarness) -> None:
    harness.issuer.names_keys = False
    harness.issuer.forge = lambda claims: nameless(harness.issuer, claims)
    assert (await harness.redeem()).email == ASHA["email"]


async def test_a_key_without_a_name_is_followed_by_another(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "COOL_DOWN", 0.0)
    harness.issuer.names_keys = False
    harness.issuer.forge = lambda claims: nameless(harness.issuer, claims)
    await harness.redeem()
    harness.issuer.rotate()
    assert await harness.redeem()


async def test_who_comes_back_waits_for_all_calls_together_no_longer_than_is_set(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "REDEEM_TIMEOUT_SECONDS", 0.2)
    harness.issuer.faults = {"token": "slow"}
    with pytest.raises(Unavailable) as refusal:
        await harness.redeem()
    assert refusal.value.code == "oidc_unavailable"


async def test_old_keys_serve_while_the_issuer_is_away(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "CACHE_SECONDS", 0.0)
    departure, back = await harness.authorize()
    harness.issuer.faults = {"metadata": 500}
    assert await harness.provider.redeem(back["code"], back["iss"], departure.secrets)


async def test_a_code_that_was_got_for_another_challenge_or_used_is_refused(harness: ProviderHarness) -> None:
    (mine, my_back), (theirs, their_back) = await harness.authorize(), await harness.authorize()
    for departure, back in ((mine, their_back), (theirs, their_back)):
        with pytest.raises(Invalid) as refusal:
            await harness.provider.redeem(back["code"], None, departure.secrets)
        assert refusal.value.code == "oidc_code_invalid"
    assert await harness.provider.redeem(my_back["code"], None, mine.secrets)


@pytest.mark.parametrize(("iss", "is_announced"), [("https://evil.example", False), (None, True)])
async def test_an_answer_of_another_issuer_or_of_none_where_one_is_announced_is_refused(
    harness: ProviderHarness, iss: str | None, is_announced: bool
) -> None:
    harness.issuer.change = {"authorization_response_iss_parameter_supported": is_announced}
    departure, back = await harness.authorize()
    with pytest.raises(Forbidden) as refusal:
        await harness.provider.redeem(back["code"], iss, departure.secrets)
    assert refusal.value.field == "iss"
    assert harness.issuer.exchanged == []


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_secret_is_shown_as_the_issuer_wants_it(harness: ProviderHarness, method: str) -> None:
    harness.issuer.change = {"token_endpoint_auth_methods_supported": [method]}
    await harness.redeem()
    assert ("client_secret" in harness.issuer.exchanged[0]) == (method == "client_secret_post")


async def test_a_wrong_secret_is_ours_to_mend_and_nobody_elses(
    harness: ProviderHarness, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DukanError) as refusal:
        await harness.described(client_secret=SecretStr("wrong")).redeem()
    assert refusal.value.status == 503
    assert "invalid_client" in caplog.text


async def test_a_sign_in_goes_on_when_its_issuer_is_back(browser: Browser) -> None:
    browser.issuer.faults = {"token": 500}
    back = await browser.authorize()
    refused = await browser.finish(back)
    assert problem(refused, 503) == (None, "oidc_unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert await browser.api.rows("SELECT * FROM identity") == []
    browser.issuer.faults = {}
    assert data(await browser.finish(back))["user"]["email"] == ASHA["email"]


async def test_a_sign_in_does_not_set_out_while_its_issuer_is_away(browser: Browser) -> None:
    browser.issuer.faults = {"metadata": 500}
    assert problem(await browser.api.post("/auth/oidc/company/start"), 503) == (None, "oidc_unavailable")
    assert await browser.api.rows("SELECT * FROM oidc_flow") == []


async def test_a_refused_token_is_on_the_trail_and_its_state_used_up(browser: Browser) -> None:
    browser.issuer.forge = lambda claims: by_another_key(browser.issuer, claims)
    back = await browser.authorize()
    assert problem(await browser.finish(back), 401) == (None, "oidc_token_invalid")
    assert await browser.api.audited(None, "sign_in") == ["oidc_token_invalid"]
    assert problem(await browser.finish(back), 422)[0] == "state"
    assert await browser.api.rows("SELECT * FROM identity") == []


async def test_no_secret_of_a_sign_in_is_written_down(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    browser.issuer.forge = lambda claims: by_another_key(browser.issuer, claims)
    back = await browser.authorize()
    await browser.finish(back)
    verifier = browser.issuer.exchanged[0]["code_verifier"]
    rows = await browser.api.rows("SELECT row_to_json(audit)::text AS text FROM audit")
    written = caplog.text + "".join(row["text"] for row in rows)
    for secret in (back["code"], back["state"], verifier):
        assert secret not in written


async def test_sign_ins_that_never_came_back_are_forgotten(browser: Browser, time: clock.FixedClock) -> None:
    await browser.authorize()
    time.advance(timedelta(minutes=11))
    [purge] = [job for job in browser.api.service.jobs if job.name == "auth.purge"]
    await purge.run()
    assert await browser.api.rows("SELECT * FROM oidc_flow") == []
