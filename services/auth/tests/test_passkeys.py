"""Passkeys: made after a proof, both factors in one, and every answer that is not exactly right refused alike."""

import asyncio
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import cbor2
import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from services.auth.tests.authenticators import PRESENT, Authenticator, binary, text
from services.auth.tests.conftest import OpenDoor
from services.auth.tests.factors import app_code, delete, guarded
from services.auth.tests.harness import PASSWORD, Door, bearer, claims, data, problem
from services.auth.tests.test_api_keys import exchange, made

from auth.domain.passkeys import MOST_OPEN, MOST_PASSKEYS, site_of
from common.clock import FixedClock
from common.contracts.auth import NewDeviceSeen

Tokens = dict[str, Any]
REJECTED = (None, "passkey_not_accepted")


@dataclass
class Keeper:
    """Someone with a passkey, as registration answered it."""

    tokens: Tokens
    authenticator: Authenticator
    passkey: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.tokens["user"]["id"])


async def asked(door: Door, tokens: Tokens) -> dict[str, Any]:
    """Options for a new passkey."""
    options: dict[str, Any] = data(await door.act("/auth/passkeys/options", tokens))
    return options


async def register(door: Door, tokens: Tokens, credential: Any, **more: Any) -> httpx.Response:
    return await door.act("/auth/passkeys", tokens, {"credential": credential} | more)


async def keeper(door: Door, tokens: Tokens | None = None, authenticator: Authenticator | None = None) -> Keeper:
    tokens, authenticator = tokens or await door.signed_in(), authenticator or Authenticator()
    answer = authenticator.create(await asked(door, tokens))
    return Keeper(tokens, authenticator, data(await register(door, tokens, answer, name="Telephone"), 201))


async def challenged(door: Door, **headers: str) -> dict[str, Any]:
    """Options for a sign-in."""
    options: dict[str, Any] = data(await door.post("/auth/login/passkey/options", headers=headers))
    return options


async def present(door: Door, credential: Any, **options: Any) -> httpx.Response:
    return await door.post("/auth/login/passkey", {"credential": credential}, **options)


async def sign_in(door: Door, authenticator: Authenticator) -> httpx.Response:
    return await present(door, authenticator.get(await challenged(door)))


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
    assert site_of(url) == (site, origin)


async def test_a_passkey_is_made_listed_and_signs_in_without_a_code(door: Door) -> None:
    person = await guarded(door)
    options = await asked(door, person.tokens)
    assert (options["rp"]["id"], options["attestation"]) == ("dukan.local", "none")
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    authenticator = Authenticator()
    shown = data(await register(door, person.tokens, authenticator.create(options), name="Yubi"), 201)
    assert (shown["name"], shown["transports"], shown["is_synced"]) == ("Yubi", ["hybrid", "internal"], False)

    good = data(await sign_in(door, authenticator))

    assert good["user"]["id"] == person.id
    assert claims(good)["scope"] == ""
    assert (await door.refresh(good["refresh_token"])).status_code == 200
    [listed] = data(await door.get("/auth/passkeys", good))
    assert listed["last_used_at"] is not None
    assert listed | {"last_used_at": None, "other_sessions": 0} == shown
    assert (await door.audited(person.id, "add_passkey"), await door.audited(person.id, "sign_in")) == (
        ["succeeded"],
        ["succeeded"] * 2,
    )
    assert [entry["id"] for entry in (await asked(door, good))["excludeCredentials"]] == [
        text(authenticator.credential_id)
    ]


async def test_a_passkey_sign_in_is_like_any_other_for_devices_and_cookies(door: Door) -> None:
    person = await keeper(door)
    body = {"credential": person.authenticator.get(await challenged(door)), "device_name": "Tablet", "cookies": True}
    answer = await door.post("/auth/login/passkey", body)
    good = data(answer)
    assert (good["access_token"], good["csrf_token"] is not None) == (None, True)
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    [news] = await door.told(NewDeviceSeen, person.id)
    assert news.name == "Tablet"


async def test_a_passkey_asks_for_a_proof_that_is_not_old(door: Door, time: FixedClock) -> None:
    person = await keeper(door)
    time.advance(timedelta(seconds=301))
    path = f"/auth/passkeys/{person.passkey['id']}"
    required = ("password", "step_up_required")
    assert problem(await door.act("/auth/passkeys/options", person.tokens), 403) == required
    assert problem(await delete(door, path, person.tokens), 403) == required
    wrong = {"password": "a wrong guess"}
    assert problem(await delete(door, path, person.tokens, wrong), 422) == ("password", "wrong_password")
    assert data(await door.act("/auth/passkeys/options", person.tokens, {"password": PASSWORD}))["challenge"]
    data(await delete(door, path, person.tokens, {"password": PASSWORD}))
    assert problem(await sign_in(door, person.authenticator), 401) == REJECTED
    assert await door.audited(person.id, "remove_passkey") == ["succeeded"]


async def test_with_a_second_factor_the_proof_takes_both(door: Door, time: FixedClock) -> None:
    person = await guarded(door)
    time.advance(timedelta(minutes=6))
    path = "/auth/passkeys/options"
    assert problem(await door.act(path, person.tokens, {"password": PASSWORD}), 422) == ("code", "otp_required")
    both = {"password": PASSWORD, "code": app_code(person.secret)}
    assert (await door.act(path, person.tokens, both)).status_code == 200


async def test_the_token_of_an_api_key_makes_no_passkey(door: Door) -> None:
    tokens = await door.signed_in()
    of_key = data(await exchange(door, (await made(door, tokens))["key"]))
    answer = await door.act("/auth/passkeys/options", of_key, {"password": PASSWORD})
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
async def test_an_answer_that_is_not_exactly_right_signs_nobody_in(door: Door, differing: dict[str, Any]) -> None:
    person = await keeper(door)
    assert problem(await sign_in(door, person.authenticator.but(**differing)), 401) == REJECTED
    assert data(await sign_in(door, person.authenticator))["user"]["id"] == person.id


@pytest.mark.parametrize(
    "differing",
    [{"origin": "https://evil.example"}, {"site": "evil.example"}, {"flags": PRESENT}, {"cross_origin": True}],
)
async def test_an_answer_that_is_not_exactly_right_makes_no_passkey(door: Door, differing: dict[str, Any]) -> None:
    tokens = await door.signed_in()
    options = await asked(door, tokens)
    wrong = Authenticator().but(**differing).create(options)
    assert problem(await register(door, tokens, wrong), 422) == ("credential", "passkey_invalid")
    # What was answered once is answered, also wrongly.
    assert problem(await register(door, tokens, Authenticator().create(options)), 422)[1] == "passkey_invalid"
    assert data(await door.get("/auth/passkeys", tokens)) == []
    assert await door.audited(tokens["user"]["id"], "add_passkey") == ["refused"] * 2


async def test_a_challenge_is_answered_once_in_time_by_whom_and_for_what_it_was_made(
    door: Door, time: FixedClock
) -> None:
    person, other = await keeper(door), await door.signed_in()
    answer = person.authenticator.get(await challenged(door))
    assert (await present(door, answer)).status_code == 200
    assert problem(await present(door, answer), 401) == REJECTED

    late = person.authenticator.get(await challenged(door))
    time.advance(timedelta(minutes=5))
    assert problem(await present(door, late), 401) == REJECTED

    fresh = await door.signed_in(person.tokens["user"]["email"])
    of_registration = await asked(door, fresh)
    assert problem(await present(door, person.authenticator.get(of_registration)), 401) == REJECTED
    theirs = Authenticator().create(of_registration)
    assert problem(await register(door, other, theirs), 422) == ("credential", "passkey_invalid")
    of_sign_in = {**of_registration, "challenge": (await challenged(door))["challenge"]}
    assert problem(await register(door, fresh, Authenticator().create(of_sign_in)), 422)[1] == "passkey_invalid"
    made_up = {**of_registration, "challenge": text(bytes(32))}
    assert problem(await register(door, fresh, Authenticator().create(made_up)), 422)[1] == "passkey_invalid"


async def test_one_answer_sent_ten_times_at_once_opens_one_session(door: Door) -> None:
    person = await keeper(door)
    answer = person.authenticator.get(await challenged(door))
    statuses = [sent.status_code for sent in await asyncio.gather(*(present(door, answer) for _ in range(10)))]
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 429}


async def test_a_counter_that_goes_back_tells_of_a_copy(door: Door) -> None:
    person = await keeper(door)
    copy = person.authenticator.but()
    assert (await sign_in(door, person.authenticator)).status_code == 200
    assert problem(await sign_in(door, copy), 401) == REJECTED
    assert (await door.audited(person.id, "sign_in"))[-1] == "counter_went_back"
    assert (await sign_in(door, person.authenticator)).status_code == 200


async def test_a_passkey_that_does_not_count_signs_in_again_and_again(door: Door) -> None:
    person = await keeper(door, authenticator=Authenticator(counts=False))
    assert [(await sign_in(door, person.authenticator)).status_code for _ in range(3)] == [200] * 3


async def test_a_passkey_belongs_to_one_account(door: Door) -> None:
    person, other = await keeper(door), await door.signed_in()
    again = person.authenticator.but().create(await asked(door, other))
    assert problem(await register(door, other, again), 409) == ("credential", "passkey_known")
    assert data(await sign_in(door, person.authenticator))["user"]["id"] == person.id
    path = f"/auth/passkeys/{person.passkey['id']}"
    assert problem(await delete(door, path, other), 404)[1] == "passkey_not_found"
    assert problem(await door.patch(path, {"name": "Mine"}, other), 404)[1] == "passkey_not_found"
    assert data(await door.patch(path, {"name": " Old phone "}, person.tokens))["name"] == "Old phone"


async def test_nobody_signs_in_to_a_closed_account_and_nothing_says_that_it_is_one(door: Door) -> None:
    person, admin = await keeper(door), await door.admin()
    data(await door.act(f"/users/{person.id}/deactivate", admin))
    closed, unknown = await sign_in(door, person.authenticator), await sign_in(door, Authenticator())
    assert problem(closed, 401) == problem(unknown, 401) == REJECTED
    assert closed.json() | {"request_id": None} == unknown.json() | {"request_id": None}
    assert (await door.audited(person.id, "sign_in"))[-1] == "account_closed"
    data(await door.act(f"/users/{person.id}/activate", admin))
    assert (await sign_in(door, person.authenticator)).status_code == 200


async def test_wrong_answers_are_slowed_and_keep_nobody_from_signing_in_with_the_password(door: Door) -> None:
    person = await keeper(door)
    wrong = person.authenticator.but(flags=PRESENT)
    answers = [await sign_in(door, wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert (await door.login(person.tokens["user"]["email"])).status_code == 200


async def test_an_account_has_a_bounded_number_of_passkeys(door: Door) -> None:
    tokens = await door.signed_in()
    waiting = Authenticator().create(await asked(door, tokens))
    for _ in range(MOST_PASSKEYS):
        await keeper(door, tokens)
    for answer in (await door.act("/auth/passkeys/options", tokens), await register(door, tokens, waiting)):
        assert problem(answer, 409)[1] == "too_many_passkeys"


async def test_one_address_cannot_fill_the_house_with_challenges(door: Door, time: FixedClock) -> None:
    for _ in range(MOST_OPEN):
        await challenged(door)
    full = await door.post("/auth/login/passkey/options")
    assert problem(full, 429)[1] == "too_many_challenges"
    assert 0 < int(full.headers["Retry-After"]) <= 300
    await challenged(door, **{"X-Forwarded-For": "198.51.100.9"})
    time.advance(timedelta(minutes=6))
    await challenged(door)
    [job] = [job for job in door.service.jobs if job.name == "auth.purge"]
    await job.run()
    assert len(await door.rows("SELECT FROM passkey_challenge")) == 1


async def test_hostile_answers_are_refused_and_break_nothing(door: Door) -> None:
    person = await keeper(door)
    right = person.authenticator.get(await challenged(door))
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
        challenge = await challenged(door)
        credential = person.authenticator.get(challenge)
        hostile = credential | {"response": credential["response"] | response}
        assert (await present(door, hostile)).status_code in (401, 429), response
    for field in ({"id": "AAAA"}, {"id": "a", "rawId": "a"}, {"rawId": "a"}):
        assert (await present(door, person.authenticator.get(await challenged(door)) | field)).status_code in (401, 429)
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
        assert problem(await present(door, nonsense), 422)[0], nonsense
    long = right | {"response": right["response"] | {"signature": "A" * 20_000}}
    assert problem(await present(door, long), 422) == ("credential.response.signature", "string_too_long")


async def test_hostile_attestations_are_refused_and_break_nothing(door: Door) -> None:
    tokens = await door.signed_in()
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
        credential = authenticator.create(await asked(door, tokens))
        credential["response"]["attestationObject"] = text(attestation) or "AA"
        assert problem(await register(door, tokens, credential), 422) == ("credential", "passkey_invalid")
    for key in (
        {},
        {1: 2, 3: -7},
        {1: 3, 3: -257, -1: b"\xff" * 128, -2: b"\x01\x00\x01"},
        {1: 99},
        {1: 2, 3: -7, -1: 1, -2: 1, -3: 1},
    ):
        strange = _with_key(authenticator.create(await asked(door, tokens)), authenticator, key)
        assert problem(await register(door, tokens, strange), 422) == ("credential", "passkey_invalid"), key
    assert data(await door.get("/auth/passkeys", tokens)) == []


def _with_key(credential: dict[str, Any], authenticator: Authenticator, key: dict[int, Any]) -> dict[str, Any]:
    """The attestation with another public key in it."""
    statement = cbor2.loads(binary(credential["response"]["attestationObject"]))
    own = cbor2.dumps(authenticator.cose_key)
    statement["authData"] = statement["authData"].replace(own, cbor2.dumps(key))
    credential["response"]["attestationObject"] = text(cbor2.dumps(statement))
    return credential


async def test_an_account_that_is_erased_keeps_no_passkey(door: Door, time: FixedClock) -> None:
    person = await keeper(door)
    data(await delete(door, "/auth/me", person.tokens, {"password": PASSWORD}))
    assert problem(await sign_in(door, person.authenticator), 401) == REJECTED
    time.advance(timedelta(days=31))
    [job] = [job for job in door.service.jobs if job.name == "auth.erase"]
    await job.run()
    assert await door.rows("SELECT FROM passkey") == []


async def test_pages_and_applications_elsewhere_use_the_same_passkeys(open_door: OpenDoor) -> None:
    door = await open_door(passkey_site="shop.test", passkey_origins="https://www.shop.test, android:apk-key-hash:abc")
    person = await keeper(door, authenticator=Authenticator(origin="https://www.shop.test", site="shop.test"))
    from_app = person.authenticator.but(origin="android:apk-key-hash:abc")
    assert data(await sign_in(door, from_app))["user"]["id"] == person.id


async def test_a_passkey_without_a_name_is_called_after_the_device(door: Door) -> None:
    tokens = await door.signed_in()
    body = {"credential": Authenticator().create(await asked(door, tokens))}
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
    answer = await door.post("/auth/passkeys", body, headers=bearer(tokens) | agent)
    assert data(answer, 201)["name"] == "Firefox on Linux"
