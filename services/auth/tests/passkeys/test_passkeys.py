"""Passkeys: registration, sign-in, and the rejection of every wrong credential with the same error."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from services.auth.tests.api_keys.helpers import create_key, exchange
from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import PASSWORD, AuthApi, bearer, claims, data, problem
from services.auth.tests.passkeys.authenticator import PRESENT, Authenticator, binary, text
from services.auth.tests.passkeys.owners import (
    REJECTED,
    creation_options,
    passkey_owner,
    present,
    register,
    sign_in,
    sign_in_options,
)
from services.auth.tests.totp.factors import app_code, delete, totp_user

from auth.passkeys.domain import MAX_OPEN_CHALLENGES, MAX_PASSKEYS, relying_party_of
from common.clock import FixedClock
from common.contracts.auth import NewDeviceSeen


@pytest.mark.parametrize(
    ("url", "site", "origin"),
    [
        ("https://api.shop.example", "api.shop.example", "https://api.shop.example"),
        ("https://Shop.Example:8443/base", "shop.example", "https://shop.example:8443"),
        ("https://shop.example:443", "shop.example", "https://shop.example"),
        ("http://127.0.0.1:8080", "localhost", "http://localhost:8080"),
        ("http://[::1]:80", "localhost", "http://localhost"),
    ],
)
def test_passkeys_are_bound_to_the_public_host_as_browsers_write_it(url: str, site: str, origin: str) -> None:
    assert relying_party_of(url) == (site, origin)


async def test_a_passkey_is_registered_listed_and_signs_in_without_a_code(api: AuthApi) -> None:
    person = await totp_user(api)
    options = await creation_options(api, person.tokens)
    assert (options["rp"]["id"], options["attestation"]) == ("dukan.local", "none")
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    authenticator = Authenticator()
    shown = data(await register(api, person.tokens, authenticator.create(options), name="Yubi"), 201)
    assert (shown["name"], shown["transports"], shown["is_synced"]) == ("Yubi", ["hybrid", "internal"], False)

    good = data(await sign_in(api, authenticator))

    assert good["user"]["id"] == person.id
    assert claims(good)["scope"] == ""
    assert (await api.refresh(good["refresh_token"])).status_code == 200
    [listed] = data(await api.get("/auth/passkeys", good))
    assert listed["last_used_at"] is not None
    assert listed | {"last_used_at": None, "other_sessions": 0} == shown
    assert (await api.audited(person.id, "add_passkey"), await api.audited(person.id, "sign_in")) == (
        ["succeeded"],
        ["succeeded"] * 2,
    )
    assert [entry["id"] for entry in (await creation_options(api, good))["excludeCredentials"]] == [
        text(authenticator.credential_id)
    ]


async def test_a_passkey_sign_in_is_like_any_other_for_devices_and_cookies(api: AuthApi) -> None:
    person = await passkey_owner(api)
    body = {
        "credential": person.authenticator.get(await sign_in_options(api)),
        "device_name": "Tablet",
        "cookies": True,
    }
    answer = await api.post("/auth/login/passkey", body)
    good = data(answer)
    assert (good["access_token"], good["csrf_token"] is not None) == (None, True)
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    [news] = await api.published(NewDeviceSeen, person.id)
    assert news.name == "Tablet"


async def test_registering_a_passkey_requires_a_recent_authentication(api: AuthApi, time: FixedClock) -> None:
    person = await passkey_owner(api)
    time.advance(timedelta(seconds=301))
    path = f"/auth/passkeys/{person.passkey['id']}"
    required = ("password", "step_up_required")
    assert problem(await api.act("/auth/passkeys/options", person.tokens), 403) == required
    assert problem(await delete(api, path, person.tokens), 403) == required
    wrong = {"password": "a wrong guess"}
    assert problem(await delete(api, path, person.tokens, wrong), 422) == ("password", "wrong_password")
    assert data(await api.act("/auth/passkeys/options", person.tokens, {"password": PASSWORD}))["challenge"]
    data(await delete(api, path, person.tokens, {"password": PASSWORD}))
    assert problem(await sign_in(api, person.authenticator), 401) == REJECTED
    assert await api.audited(person.id, "remove_passkey") == ["succeeded"]


async def test_with_a_second_factor_reauthentication_takes_both(api: AuthApi, time: FixedClock) -> None:
    person = await totp_user(api)
    time.advance(timedelta(minutes=6))
    path = "/auth/passkeys/options"
    assert problem(await api.act(path, person.tokens, {"password": PASSWORD}), 422) == ("code", "otp_required")
    both = {"password": PASSWORD, "code": app_code(person.secret)}
    assert (await api.act(path, person.tokens, both)).status_code == 200


async def test_the_token_of_an_api_key_cannot_register_a_passkey(api: AuthApi) -> None:
    tokens = await api.signed_in()
    of_key = data(await exchange(api, (await create_key(api, tokens))["key"]))
    answer = await api.act("/auth/passkeys/options", of_key, {"password": PASSWORD})
    assert problem(answer, 403)[1] == "insufficient_scope"


@pytest.mark.parametrize(
    "differing",
    [
        {"origin": "https://dukan.local.evil.example"},
        {"origin": "http://dukan.local"},
        {"site": "evil.example"},
        {"flags": PRESENT},
        {"flags": 0},
        {"cross_origin": True},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"user": b"somebody else's16"},
        {"credential_id": b"nobody's"},
    ],
    ids=["origin", "scheme", "site", "not verified", "not present", "framed", "signature", "user", "unknown"],
)
async def test_a_wrong_assertion_does_not_sign_in(api: AuthApi, differing: dict[str, Any]) -> None:
    person = await passkey_owner(api)
    assert problem(await sign_in(api, person.authenticator.but(**differing)), 401) == REJECTED
    assert data(await sign_in(api, person.authenticator))["user"]["id"] == person.id


@pytest.mark.parametrize(
    "differing",
    [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"flags": PRESENT}, {"cross_origin": True}],
)
async def test_a_wrong_attestation_registers_no_passkey(api: AuthApi, differing: dict[str, Any]) -> None:
    tokens = await api.signed_in()
    options = await creation_options(api, tokens)
    wrong = Authenticator().but(**differing).create(options)
    assert problem(await register(api, tokens, wrong), 422) == ("credential", "passkey_invalid")
    # What was answered once is answered, also wrongly.
    assert problem(await register(api, tokens, Authenticator().create(options)), 422)[1] == "passkey_invalid"
    assert data(await api.get("/auth/passkeys", tokens)) == []
    assert await api.audited(tokens["user"]["id"], "add_passkey") == ["refused"] * 2


async def test_a_challenge_is_valid_once_for_its_purpose_and_account_until_it_expires(
    api: AuthApi, time: FixedClock
) -> None:
    person, other = await passkey_owner(api), await api.signed_in()
    answer = person.authenticator.get(await sign_in_options(api))
    assert (await present(api, answer)).status_code == 200
    assert problem(await present(api, answer), 401) == REJECTED

    late = person.authenticator.get(await sign_in_options(api))
    time.advance(timedelta(minutes=5))
    assert problem(await present(api, late), 401) == REJECTED

    fresh = await api.signed_in(person.tokens["user"]["email"])
    of_registration = await creation_options(api, fresh)
    assert problem(await present(api, person.authenticator.get(of_registration)), 401) == REJECTED
    theirs = Authenticator().create(of_registration)
    assert problem(await register(api, other, theirs), 422) == ("credential", "passkey_invalid")
    of_sign_in = {**of_registration, "challenge": (await sign_in_options(api))["challenge"]}
    assert problem(await register(api, fresh, Authenticator().create(of_sign_in)), 422)[1] == "passkey_invalid"
    made_up = {**of_registration, "challenge": text(bytes(32))}
    assert problem(await register(api, fresh, Authenticator().create(made_up)), 422)[1] == "passkey_invalid"


async def test_one_assertion_sent_ten_times_at_once_opens_one_session(api: AuthApi) -> None:
    person = await passkey_owner(api)
    answer = person.authenticator.get(await sign_in_options(api))
    statuses = [sent.status_code for sent in await asyncio.gather(*(present(api, answer) for _ in range(10)))]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 429}


async def test_a_signature_counter_that_goes_back_is_rejected(api: AuthApi) -> None:
    person = await passkey_owner(api)
    copy = person.authenticator.but()
    assert (await sign_in(api, person.authenticator)).status_code == 200
    assert problem(await sign_in(api, copy), 401) == REJECTED
    assert (await api.audited(person.id, "sign_in"))[-1] == "counter_went_back"
    assert (await sign_in(api, person.authenticator)).status_code == 200


async def test_a_passkey_without_a_counter_signs_in_repeatedly(api: AuthApi) -> None:
    person = await passkey_owner(api, authenticator=Authenticator(counts=False))
    assert [(await sign_in(api, person.authenticator)).status_code for _ in range(3)] == [200] * 3


async def test_a_passkey_belongs_to_one_account(api: AuthApi) -> None:
    person, other = await passkey_owner(api), await api.signed_in()
    again = person.authenticator.but().create(await creation_options(api, other))
    assert problem(await register(api, other, again), 409) == ("credential", "passkey_known")
    assert data(await sign_in(api, person.authenticator))["user"]["id"] == person.id
    path = f"/auth/passkeys/{person.passkey['id']}"
    assert problem(await delete(api, path, other), 404)[1] == "passkey_not_found"
    assert problem(await api.patch(path, {"name": "Mine"}, other), 404)[1] == "passkey_not_found"
    assert data(await api.patch(path, {"name": " Old phone "}, person.tokens))["name"] == "Old phone"


async def test_a_closed_account_is_rejected_like_a_wrong_passkey(api: AuthApi) -> None:
    person, admin = await passkey_owner(api), await api.admin()
    data(await api.act(f"/users/{person.id}/deactivate", admin))
    closed, unknown = await sign_in(api, person.authenticator), await sign_in(api, Authenticator())
    assert problem(closed, 401) == problem(unknown, 401) == REJECTED
    assert closed.json() | {"request_id": None} == unknown.json() | {"request_id": None}
    assert (await api.audited(person.id, "sign_in"))[-1] == "account_closed"
    data(await api.act(f"/users/{person.id}/activate", admin))
    assert (await sign_in(api, person.authenticator)).status_code == 200


async def test_wrong_assertions_are_throttled_apart_from_password_sign_in(api: AuthApi) -> None:
    person = await passkey_owner(api)
    wrong = person.authenticator.but(flags=PRESENT)
    answers = [await sign_in(api, wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert (await api.login(person.tokens["user"]["email"])).status_code == 200


async def test_an_account_has_a_bounded_number_of_passkeys(api: AuthApi) -> None:
    tokens = await api.signed_in()
    waiting = Authenticator().create(await creation_options(api, tokens))
    for _ in range(MAX_PASSKEYS):
        await passkey_owner(api, tokens)
    for answer in (await api.act("/auth/passkeys/options", tokens), await register(api, tokens, waiting)):
        assert problem(answer, 409)[1] == "too_many_passkeys"


async def test_open_challenges_are_limited_per_address(api: AuthApi, time: FixedClock) -> None:
    for _ in range(MAX_OPEN_CHALLENGES):
        await sign_in_options(api)
    full = await api.post("/auth/login/passkey/options")
    assert problem(full, 429)[1] == "too_many_challenges"
    assert 0 < int(full.headers["Retry-After"]) <= 300
    await sign_in_options(api, **{"X-Forwarded-For": "198.51.100.9"})
    time.advance(timedelta(minutes=6))
    await sign_in_options(api)
    [job] = [job for job in api.service.jobs if job.name == "auth.purge"]
    await job.run()
    assert len(await api.rows("SELECT FROM passkey_challenge")) == 1


async def test_malformed_assertions_are_rejected(api: AuthApi) -> None:
    person = await passkey_owner(api)
    right = person.authenticator.get(await sign_in_options(api))
    responses = [
        {"clientDataJSON": text(b"[" * 5000)},
        {"clientDataJSON": text(b'{"type": 1, "challenge": 2, "origin": []}')},
        {"clientDataJSON": text(b"\xff\xfe")},
        {"clientDataJSON": text(json.dumps({"type": "webauthn.get", "challenge": "a", "origin": ""}).encode())},
        {"authenticatorData": text(bytes(36))},
        {"authenticatorData": text(bytes(37) + b"\x9f" * 5000)},
        {"signature": text(b"\x30")},
        {"userHandle": text(bytes(16))},
        {"userHandle": "a"},
    ]
    for response in responses:
        challenge = await sign_in_options(api)
        credential = person.authenticator.get(challenge)
        hostile = credential | {"response": credential["response"] | response}
        assert (await present(api, hostile)).status_code in (401, 429), response
    for field in ({"id": "AAAA"}, {"id": "a", "rawId": "a"}, {"rawId": "a"}):
        assert (await present(api, person.authenticator.get(await sign_in_options(api)) | field)).status_code in (
            401,
            429,
        )
    shapeless: tuple[Any, ...] = (
        None,
        1,
        "x",
        [],
        {},
        {"id": "é"},
        right | {"type": "password"},
        right | {"response": "x"},
    )
    for nonsense in shapeless:
        assert problem(await present(api, nonsense), 422)[0], nonsense
    long = right | {"response": right["response"] | {"signature": "A" * 20_000}}
    assert problem(await present(api, long), 422) == ("credential.response.signature", "too_long")


async def test_malformed_attestations_are_rejected(api: AuthApi) -> None:
    tokens = await api.signed_in()
    authenticator = Authenticator()
    for attestation in (
        b"",
        b"\xa1",
        b"\x9f" * 5000,
        cbor2.dumps([]),
        cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": bytes(40)}),
        cbor2.dumps({"fmt": ["none"], "attStmt": 7, "authData": "text"}),
        cbor2.dumps({"fmt": "packed", "attStmt": {"alg": -7, "sig": b"", "x5c": [b"no certificate"]}, "authData": b""}),
    ):
        credential = authenticator.create(await creation_options(api, tokens))
        credential["response"]["attestationObject"] = text(attestation) or "AA"
        assert problem(await register(api, tokens, credential), 422) == ("credential", "passkey_invalid")
    for key in (
        {},
        {1: 2, 3: -7},
        {1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"},
        {1: 99},
        {1: 2, 3: -7, -1: 1, -2: 1, -3: 1},
    ):
        strange = _with_key(authenticator.create(await creation_options(api, tokens)), authenticator, key)
        assert problem(await register(api, tokens, strange), 422) == ("credential", "passkey_invalid"), key
    assert data(await api.get("/auth/passkeys", tokens)) == []


def _with_key(credential: dict[str, Any], authenticator: Authenticator, key: dict[int, Any]) -> dict[str, Any]:
    """The attestation with another public key in it."""
    statement = cbor2.loads(binary(credential["response"]["attestationObject"]))
    own = cbor2.dumps(authenticator.cose_key)
    statement["authData"] = statement["authData"].replace(own, cbor2.dumps(key))
    credential["response"]["attestationObject"] = text(cbor2.dumps(statement))
    return credential


async def test_erasing_an_account_deletes_its_passkeys(api: AuthApi, time: FixedClock) -> None:
    person = await passkey_owner(api)
    data(await delete(api, "/auth/me", person.tokens, {"password": PASSWORD}))
    assert problem(await sign_in(api, person.authenticator), 401) == REJECTED
    time.advance(timedelta(days=31))
    [job] = [job for job in api.service.jobs if job.name == "auth.erase"]
    await job.run()
    assert await api.rows("SELECT FROM passkey") == []


async def test_further_origins_use_the_same_passkeys(start_api: StartApi) -> None:
    api = await start_api(passkey_site="shop.test", passkey_origins="https://www.shop.test, android:apk-key-hash:abc")
    person = await passkey_owner(api, authenticator=Authenticator(origin="https://www.shop.test", site="shop.test"))
    from_app = person.authenticator.but(origin="android:apk-key-hash:abc")
    assert data(await sign_in(api, from_app))["user"]["id"] == person.id


async def test_a_passkey_without_a_name_is_named_after_the_device(api: AuthApi) -> None:
    tokens = await api.signed_in()
    body = {"credential": Authenticator().create(await creation_options(api, tokens))}
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
    answer = await api.post("/auth/passkeys", body, headers=bearer(tokens) | agent)
    assert data(answer, 201)["name"] == "Firefox on Linux"
