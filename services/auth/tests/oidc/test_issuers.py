"""Issuers that are unavailable, broken or malicious."""

import hmac
import json
import logging
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
async def test_an_id_token_is_rejected(harness: ProviderHarness, forge: Forger) -> None:
    harness.issuer.forge = lambda claims: forge(harness.issuer, claims)
    with pytest.raises(Unauthenticated) as error:
        await harness.redeem()
    assert error.value.code == "oidc_token_invalid"


ACCEPTED: dict[str, Forger] = {
    "several audiences and us as the party": with_claims(aud=[CLIENT_ID, "other"], azp=CLIENT_ID),
    "no hash of the access token": without("at_hash"),
    "unknown claims": with_claims(groups=["a", ["b"]]),
    "no key id, where there is one key": nameless,
}


@pytest.mark.parametrize("forge", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_an_id_token_is_accepted(harness: ProviderHarness, forge: Forger) -> None:
    harness.issuer.forge = lambda claims: forge(harness.issuer, claims)
    identity = await harness.redeem()
    assert (identity.subject, identity.email, identity.email_verified) == (ASHA["sub"], ASHA["email"], True)


@pytest.mark.parametrize("fault", [500, 302, "slow", "endless", "redirect", "not json"])
@pytest.mark.parametrize("endpoint", ["metadata", "jwks", "token"])
async def test_an_unavailable_issuer_is_reported_and_used_again_when_it_recovers(
    harness: ProviderHarness, endpoint: str, fault: int | str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CALL_TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr(discovery, "RETRY_SECONDS", 0.0)
    harness.issuer.faults = {endpoint: fault}
    with pytest.raises(Unavailable) as error:
        await harness.redeem()
    assert error.value.code == "oidc_unavailable"
    harness.issuer.faults = {}
    monkeypatch.setattr(http, "CALL_TIMEOUT_SECONDS", 30.0)
    assert (await harness.redeem()).email == ASHA["email"]


async def test_concurrent_requests_ask_an_unavailable_issuer_once(harness: ProviderHarness) -> None:
    harness.issuer.faults = {"metadata": 500}
    for _ in range(5):
        with pytest.raises(Unavailable):
            await harness.authorize()
    assert harness.issuer.requests == ["metadata"]


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
async def test_untrusted_metadata_is_not_used(harness: ProviderHarness, change: dict[str, Any]) -> None:
    harness.issuer.change = change
    with pytest.raises(Unavailable):
        await harness.authorize()


async def test_metadata_over_plain_http_is_not_used_in_production(harness: ProviderHarness) -> None:
    with pytest.raises(Unavailable):
        await harness.configured(allows_http=False).authorize()


async def test_metadata_and_keys_are_fetched_once_for_many(harness: ProviderHarness) -> None:
    for _ in range(3):
        await harness.redeem()
    assert harness.issuer.requests.count("metadata") == harness.issuer.requests.count("jwks") == 1


async def test_a_key_that_the_issuer_rotated_in_is_found(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "COOL_DOWN_SECONDS", 0.0)
    await harness.redeem()
    harness.issuer.rotate()
    await harness.redeem()
    assert harness.issuer.requests.count("jwks") == 2


async def test_a_key_that_is_not_published_yet_is_temporarily_unavailable(harness: ProviderHarness) -> None:
    harness.issuer.forge = lambda claims: jwt.encode(claims, OTHER_KEY, "RS256", headers={"kid": "not yet"})
    with pytest.raises(Unavailable):
        await harness.redeem()


async def test_a_token_without_a_key_id_is_rejected_if_the_set_has_several_keys(harness: ProviderHarness) -> None:
    harness.issuer.keys |= {"second": OTHER_KEY}
    harness.issuer.forge = lambda claims: nameless(harness.issuer, claims)
    with pytest.raises(Unauthenticated):
        await harness.redeem()


async def test_the_sole_key_of_a_set_needs_no_id(harness: ProviderHarness) -> None:
    harness.issuer.names_keys = False
    harness.issuer.forge = lambda claims: nameless(harness.issuer, claims)
    assert (await harness.redeem()).email == ASHA["email"]


async def test_a_sole_key_without_an_id_can_be_rotated(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_sets, "COOL_DOWN_SECONDS", 0.0)
    harness.issuer.names_keys = False
    harness.issuer.forge = lambda claims: nameless(harness.issuer, claims)
    await harness.redeem()
    harness.issuer.rotate()
    assert await harness.redeem()


async def test_all_calls_of_a_callback_share_one_timeout(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "REDEEM_TIMEOUT_SECONDS", 0.2)
    harness.issuer.faults = {"token": "slow"}
    with pytest.raises(Unavailable) as error:
        await harness.redeem()
    assert error.value.code == "oidc_unavailable"


async def test_cached_keys_are_used_while_the_issuer_is_unavailable(
    harness: ProviderHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discovery, "CACHE_SECONDS", 0.0)
    request, back = await harness.authorize()
    harness.issuer.faults = {"metadata": 500}
    assert await harness.provider.redeem(back["code"], back["iss"], request.secrets)


async def test_a_used_code_or_one_for_another_challenge_is_rejected(harness: ProviderHarness) -> None:
    (mine, my_back), (theirs, their_back) = await harness.authorize(), await harness.authorize()
    for request, back in ((mine, their_back), (theirs, their_back)):
        with pytest.raises(Invalid) as error:
            await harness.provider.redeem(back["code"], None, request.secrets)
        assert error.value.code == "oidc_code_invalid"
    assert await harness.provider.redeem(my_back["code"], None, mine.secrets)


@pytest.mark.parametrize(("iss", "is_announced"), [("https://evil.example", False), (None, True)])
async def test_a_callback_with_a_wrong_or_missing_iss_is_rejected(
    harness: ProviderHarness, iss: str | None, is_announced: bool
) -> None:
    harness.issuer.change = {"authorization_response_iss_parameter_supported": is_announced}
    request, back = await harness.authorize()
    with pytest.raises(Forbidden) as error:
        await harness.provider.redeem(back["code"], iss, request.secrets)
    assert error.value.field == "iss"
    assert harness.issuer.exchanged == []


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_the_client_secret_is_sent_by_the_issuers_method(harness: ProviderHarness, method: str) -> None:
    harness.issuer.change = {"token_endpoint_auth_methods_supported": [method]}
    await harness.redeem()
    assert ("client_secret" in harness.issuer.exchanged[0]) == (method == "client_secret_post")


async def test_a_wrong_client_secret_is_logged_for_the_operator(
    harness: ProviderHarness, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DukanError) as error:
        await harness.configured(client_secret=SecretStr("wrong")).redeem()
    assert error.value.status == 503
    assert "invalid_client" in caplog.text


async def test_a_sign_in_continues_when_its_issuer_recovers(browser: Browser) -> None:
    browser.issuer.faults = {"token": 500}
    back = await browser.authorize()
    rejected = await browser.finish(back)
    assert problem(rejected, 503) == (None, "oidc_unavailable")
    assert int(rejected.headers["Retry-After"]) >= 1
    assert await browser.api.rows("SELECT * FROM identity") == []
    browser.issuer.faults = {}
    assert data(await browser.finish(back))["user"]["email"] == ASHA["email"]


async def test_a_sign_in_does_not_start_while_its_issuer_is_unavailable(browser: Browser) -> None:
    browser.issuer.faults = {"metadata": 500}
    assert problem(await browser.api.post("/auth/oidc/company/start"), 503) == (None, "oidc_unavailable")
    assert await browser.api.rows("SELECT * FROM oidc_flow") == []


async def test_a_rejected_token_is_audited_and_its_state_spent(browser: Browser) -> None:
    browser.issuer.forge = lambda claims: by_another_key(browser.issuer, claims)
    back = await browser.authorize()
    assert problem(await browser.finish(back), 401) == (None, "oidc_token_invalid")
    assert await browser.api.audited(None, "sign_in") == ["oidc_token_invalid"]
    assert problem(await browser.finish(back), 422)[0] == "state"
    assert await browser.api.rows("SELECT * FROM identity") == []


async def test_no_secret_of_a_sign_in_is_stored_or_logged(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="auth")
    pending = await browser.authorize()
    flows = await browser.api.stored_text("oidc_flow")
    await browser.finish(pending)
    browser.issuer.forge = lambda claims: by_another_key(browser.issuer, claims)
    rejected = await browser.authorize()
    await browser.finish(rejected)
    verifiers = [exchange["code_verifier"] for exchange in browser.issuer.exchanged]
    written = flows + await browser.api.stored_text("oidc_flow", "audit", "session", "identity") + caplog.text
    assert len(verifiers) == 2
    for secret in (pending["code"], pending["state"], rejected["code"], rejected["state"], *verifiers):
        assert secret not in written


async def test_expired_sign_ins_are_deleted(browser: Browser, time: clock.FixedClock) -> None:
    await browser.authorize()
    time.advance(timedelta(minutes=11))
    [purge] = [job for job in browser.api.service.jobs if job.name == "auth.purge"]
    await purge.run()
    assert await browser.api.rows("SELECT * FROM oidc_flow") == []
