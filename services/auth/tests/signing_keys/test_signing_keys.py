"""Signing keys: published, sealed, rotated."""

import asyncio
import base64
from datetime import timedelta

import jwt
import pytest
from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import AuthApi, data

from auth.jobs import build_jobs
from auth.signing_keys.domain import ACTIVE_PERIOD, RETIRED_PERIOD
from auth.signing_keys.usecases import rotate_keys
from common.clock import FixedClock
from common.security.encryption import CannotUnsealError
from common.security.key_set import usable_keys

JWKS = "/.well-known/jwks.json"


def kid_of(tokens: dict[str, str]) -> str:
    kid: str = jwt.get_unverified_header(tokens["access_token"])["kid"]
    return kid


async def published(api: AuthApi) -> list[str]:
    return [key["kid"] for key in (await api.http.get(JWKS)).json()["keys"]]


async def rotate(api: AuthApi) -> None:
    async with api.database.begin() as tx:
        await rotate_keys(tx, api.services.vault)
    # As after the ten seconds for which a process signs with the key that it knows.
    api.services.signer._loaded_at = float("-inf")


async def test_the_key_set_is_public_usable_and_holds_no_private_part(api: AuthApi) -> None:
    tokens = await api.signed_in()
    for path in (JWKS, f"/api/v1{JWKS}"):
        answer = await api.http.get(path)
        document = answer.json()
        assert set(usable_keys(document)) == {key["kid"] for key in document["keys"]} >= {kid_of(tokens)}
        assert all(set(key) == {"kty", "crv", "use", "alg", "kid", "x"} for key in document["keys"])
        assert answer.headers["Cache-Control"] == "public, max-age=300"
    found = (await api.http.get("/.well-known/openid-configuration")).json()
    assert (found["issuer"], found["jwks_uri"]) == ("https://dukan.local", f"https://dukan.local{JWKS}")


async def test_a_rotation_keeps_old_tokens_valid_and_uses_a_published_key(api: AuthApi) -> None:
    old = await api.signed_in()
    before = await published(api)
    await rotate(api)
    new = await api.signed_in(old["user"]["email"])
    assert kid_of(new) != kid_of(old)
    # Published before it signed: verifiers that fetched the set then know it now.
    assert kid_of(new) in before
    assert {kid_of(old), kid_of(new)} < set(await published(api))
    for tokens in (old, new):
        assert (await api.get("/auth/me", tokens)).status_code == 200
    states = [row["state"] for row in await api.rows("SELECT state FROM signing_key ORDER BY state")]
    assert states == ["active", "next", "retired"]


async def test_a_retired_key_is_deleted_when_its_tokens_have_expired(api: AuthApi, time: FixedClock) -> None:
    old = await api.signed_in()
    await rotate(api)
    time.advance(RETIRED_PERIOD)
    assert kid_of(old) in await published(api)
    time.advance(timedelta(seconds=1))
    assert kid_of(old) not in await published(api)
    await rotate(api)
    assert await api.rows("SELECT FROM signing_key WHERE kid = $1", kid_of(old)) == []


async def test_keys_are_rotated_when_due(api: AuthApi, time: FixedClock) -> None:
    [job, *_] = build_jobs(api.database, api.services.vault, timedelta(days=1), keep_deleted=timedelta(days=30))
    assert not await job.run()
    time.advance(ACTIVE_PERIOD)
    assert await job.run()
    assert not await job.run()


async def test_concurrent_starts_and_rotations_leave_one_active_and_one_next_key(start_api: StartApi) -> None:
    first = await start_api()
    await asyncio.gather(*(start_api(first.database) for _ in range(3)), *(rotate(first) for _ in range(4)))
    rows = await first.rows("SELECT state, count(*) AS n FROM signing_key GROUP BY state")
    assert {row["state"]: row["n"] for row in rows} == {"active": 1, "next": 1, "retired": 4}


async def test_private_keys_are_sealed_and_another_secret_does_not_start(start_api: StartApi) -> None:
    api = await start_api(key_secret="one secret of thirty-two characters")
    rows = await api.rows("SELECT kid, sealed_private FROM signing_key")
    private = [api.services.vault.unseal(row["sealed_private"], row["kid"]) for row in rows]
    assert not any(key in row["sealed_private"] for key, row in zip(private, rows, strict=True))
    with pytest.raises(CannotUnsealError, match="DUKAN_KEY_SECRET"):
        api.services.vault.unseal(rows[0]["sealed_private"], rows[1]["kid"])
    with pytest.raises(CannotUnsealError, match="DUKAN_KEY_SECRET"):
        await start_api(api.database, key_secret="another secret, just as long as this")


async def test_only_tokens_with_our_signature_are_accepted(api: AuthApi) -> None:
    tokens = await api.signed_in()
    head, body, signature = tokens["access_token"].split(".")
    key = next(k for k in (await api.http.get(JWKS)).json()["keys"] if k["kid"] == kid_of(tokens))
    public = base64.urlsafe_b64decode(key["x"] + "=")
    content = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    forged = [
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        jwt.encode(content | {"roles": ["admin"]}, public, algorithm="HS256", headers={"kid": key["kid"]}),
        jwt.encode(content, "", algorithm="none", headers={"kid": key["kid"]}),
    ]
    for token in forged:
        assert (await api.get("/auth/me", {"access_token": token})).status_code == 401
        assert (await api.post("/auth/verify", {"token": token})).status_code == 401
    assert data(await api.post("/auth/verify", {"token": tokens["access_token"]}))["user_id"] == content["sub"]
