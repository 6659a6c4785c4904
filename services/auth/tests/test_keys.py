"""Signing keys: published, sealed, rotated."""

import asyncio
import base64
from datetime import timedelta

import jwt
import pytest
from services.auth.tests.conftest import OpenDoor
from services.auth.tests.harness import Door, data

from auth.domain.keyring import ACTIVE_FOR, OVERLAP
from auth.jobs import build_jobs
from auth.usecases.rotate_keys import rotate_keys
from common.clock import FixedClock
from common.security.encryption import CannotUnsealError
from common.security.key_set import usable_keys

JWKS = "/.well-known/jwks.json"


def kid_of(tokens: dict[str, str]) -> str:
    kid: str = jwt.get_unverified_header(tokens["access_token"])["kid"]
    return kid


async def published(door: Door) -> list[str]:
    return [key["kid"] for key in (await door.http.get(JWKS)).json()["keys"]]


async def rotate(door: Door) -> None:
    async with door.database.begin() as tx:
        await rotate_keys(tx, door.identification.vault)
    # As after the ten seconds for which a process signs with the key that it knows.
    door.identification.signer._adopted = float("-inf")


async def test_the_key_set_is_public_usable_and_holds_no_private_part(door: Door) -> None:
    tokens = await door.signed_in()
    for path in (JWKS, f"/api/v1{JWKS}"):
        answer = await door.http.get(path)
        document = answer.json()
        assert set(usable_keys(document)) == {key["kid"] for key in document["keys"]} >= {kid_of(tokens)}
        assert all(set(key) == {"kty", "crv", "use", "alg", "kid", "x"} for key in document["keys"])
        assert answer.headers["Cache-Control"] == "public, max-age=300"
    found = (await door.http.get("/.well-known/openid-configuration")).json()
    assert (found["issuer"], found["jwks_uri"]) == ("https://dukan.local", f"https://dukan.local{JWKS}")


async def test_a_rotation_keeps_old_tokens_good_and_was_announced(door: Door) -> None:
    old = await door.signed_in()
    before = await published(door)
    await rotate(door)
    new = await door.signed_in(old["user"]["email"])
    assert kid_of(new) != kid_of(old)
    # Published before it signed: verifiers that fetched the set then know it now.
    assert kid_of(new) in before
    assert {kid_of(old), kid_of(new)} < set(await published(door))
    for tokens in (old, new):
        assert (await door.get("/auth/me", tokens)).status_code == 200
    states = [row["state"] for row in await door.rows("SELECT state FROM signing_key ORDER BY state")]
    assert states == ["active", "next", "retired"]


async def test_a_retired_key_is_forgotten_when_nothing_it_signed_can_be_alive(door: Door, time: FixedClock) -> None:
    old = await door.signed_in()
    await rotate(door)
    time.advance(OVERLAP)
    assert kid_of(old) in await published(door)
    time.advance(timedelta(seconds=1))
    assert kid_of(old) not in await published(door)
    await rotate(door)
    assert await door.rows("SELECT FROM signing_key WHERE kid = $1", kid_of(old)) == []


async def test_keys_are_rotated_on_a_clock(door: Door, time: FixedClock) -> None:
    [job, *_] = build_jobs(door.database, door.identification.vault, timedelta(days=1), keep_deleted=timedelta(days=30))
    assert not await job.run()
    time.advance(ACTIVE_FOR)
    assert await job.run()
    assert not await job.run()


async def test_many_starts_and_rotations_at_once_leave_one_active_and_one_next_key(open_door: OpenDoor) -> None:
    first = await open_door()
    await asyncio.gather(*(open_door(first.database) for _ in range(3)), *(rotate(first) for _ in range(4)))
    rows = await first.rows("SELECT state, count(*) AS n FROM signing_key GROUP BY state")
    assert {row["state"]: row["n"] for row in rows} == {"active": 1, "next": 1, "retired": 4}


async def test_private_keys_are_sealed_and_another_secret_does_not_start(open_door: OpenDoor) -> None:
    door = await open_door(key_secret="one secret of thirty-two characters")
    rows = await door.rows("SELECT kid, sealed_private FROM signing_key")
    private = [door.identification.vault.unseal(row["sealed_private"], row["kid"]) for row in rows]
    assert not any(key in row["sealed_private"] for key, row in zip(private, rows, strict=True))
    with pytest.raises(CannotUnsealError, match="DUKAN_KEY_SECRET"):
        door.identification.vault.unseal(rows[0]["sealed_private"], rows[1]["kid"])
    with pytest.raises(CannotUnsealError, match="DUKAN_KEY_SECRET"):
        await open_door(door.database, key_secret="another secret, just as long as this")


async def test_only_our_own_signature_opens_the_door(door: Door) -> None:
    tokens = await door.signed_in()
    head, body, signature = tokens["access_token"].split(".")
    key = next(k for k in (await door.http.get(JWKS)).json()["keys"] if k["kid"] == kid_of(tokens))
    public = base64.urlsafe_b64decode(key["x"] + "=")
    content = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    forged = [
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        jwt.encode(content | {"roles": ["admin"]}, public, algorithm="HS256", headers={"kid": key["kid"]}),
        jwt.encode(content, "", algorithm="none", headers={"kid": key["kid"]}),
    ]
    for token in forged:
        assert (await door.get("/auth/me", {"access_token": token})).status_code == 401
        assert (await door.post("/auth/verify", {"token": token})).status_code == 401
    assert data(await door.post("/auth/verify", {"token": tokens["access_token"]}))["user_id"] == content["sub"]
