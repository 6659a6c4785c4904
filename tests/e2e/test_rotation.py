"""Rotation of signing keys under load, without a rejected request."""

import asyncio
import os
import subprocess
import sys
from uuid import uuid4

import jwt
import pytest

from common.testing import eventually

from .platform import API, Customer, Platform
from .test_identity import statuses


def dukan(platform: Platform, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dukan", *words, "--data", str(platform.data)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DUKAN_")}
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.timeout(240)
async def test_no_request_is_rejected_while_keys_are_rotated(platform: Platform) -> None:
    customers = [await platform.customer() for _ in range(3)]
    over, statuses = asyncio.Event(), set[int]()

    async def at_work(customer: Customer) -> None:
        while not over.is_set():
            statuses.add((await customer.get("/auth/me")).status_code)
            statuses.add((await customer.get("/orders")).status_code)
            # Signs in again: sometimes with the key that was the next one a moment ago.
            statuses.add((await (await platform.customer()).get("/notifications")).status_code)

    working = [asyncio.create_task(at_work(customer)) for customer in customers]
    # As if the platform had been running for a while.
    await platform.sql("auth", "UPDATE signing_key SET created_at = created_at - interval '2 min' RETURNING kid")
    done = await asyncio.to_thread(dukan, platform, "keys", "rotate")
    assert done.returncode == 0, done.stderr
    assert "active" in done.stdout

    async def signs_with_the_new_key() -> bool:
        kid = (await platform.sql("auth", "SELECT kid FROM signing_key WHERE state = 'active'"))[0]["kid"]
        return bool(jwt.get_unverified_header((await platform.customer()).token)["kid"] == kid)

    assert await eventually(signs_with_the_new_key, within=30)
    over.set()
    await asyncio.gather(*working)
    assert statuses == {200}


@pytest.mark.timeout(240)
async def test_tokens_of_withdrawn_keys_are_rejected_everywhere_and_refreshed_ones_accepted(platform: Platform) -> None:
    account = {"email": f"{uuid4().hex}@example.com", "password": "a-long-way-to-mwanza"}
    assert (await platform.http.post(f"{API}/auth/register", json=account)).status_code == 201
    session = (await platform.http.post(f"{API}/auth/login", json=account)).json()["data"]
    made = await (await platform.customer()).post("/api-keys", {"name": "till", "scopes": ["read"]})
    key = made.json()["data"]["key"]

    async def by_key() -> int:
        return (await platform.http.get(f"{API}/orders", headers={"Authorization": f"ApiKey {key}"})).status_code

    assert (await by_key(), set((await statuses(platform, session["access_token"])).values())) == (200, {200, 403})
    done = await asyncio.to_thread(dukan, platform, "keys", "withdraw")
    assert done.returncode == 0, done.stderr

    async def refused_everywhere() -> bool:
        return set((await statuses(platform, session["access_token"])).values()) == {401}

    await eventually(refused_everywhere, within=10)
    refreshed = await platform.http.post(f"{API}/auth/refresh", json={"refresh_token": session["refresh_token"]})
    assert 401 not in (await statuses(platform, refreshed.json()["data"]["access_token"])).values()
    assert await by_key() == 200
