"""Password hashing does not block the service."""

import asyncio
import os
import sys
import threading

from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import PASSWORD, data

from auth.passwords.providers.hashing import MAX_PENDING, NICENESS, PasswordHashing
from common.errors import Unavailable
from common.testing import eventually


async def test_requests_are_served_while_twenty_sign_ins_wait_for_argon2(start_api: StartApi) -> None:
    api = await start_api(database_pool_size=2)
    tokens = await api.signed_in()
    hashing, release = api.services.hashing, threading.Event()
    busy = [hashing._threads.submit(release.wait, 60) for _ in range(os.cpu_count() or 1)]
    logins = [asyncio.create_task(api.login(tokens["user"]["email"])) for _ in range(20)]
    try:

        async def all_wait() -> bool:
            return hashing._pending == len(logins)

        await eventually(all_wait)
        assert (await api.http.get("/health/live")).status_code == 200
        # Needs the database, whose two connections would be gone if a sign-in held one while it waits.
        assert (await api.get("/auth/me", tokens)).status_code == 200
        assert not any(login.done() for login in logins)
    finally:
        release.set()
    assert [(await login).status_code for login in logins] == [200] * 20
    assert all(thread.result() for thread in busy)


async def test_a_full_queue_rejects_further_hashes() -> None:
    hashing, release = PasswordHashing(memory_kib=64), threading.Event()
    busy = [hashing._threads.submit(release.wait, 60) for _ in range(os.cpu_count() or 1)]
    waiting = [asyncio.create_task(hashing.verify(None, "x")) for _ in range(MAX_PENDING)]
    await asyncio.sleep(0)
    try:
        await hashing.verify(None, "one too many")
        rejected = False
    except Unavailable as error:
        rejected = error.code == "sign_in_busy"
    release.set()
    await asyncio.gather(*waiting)
    hashing.close()
    assert rejected
    assert len(busy) == (os.cpu_count() or 1)


async def test_a_hash_with_outdated_parameters_is_renewed_at_sign_in(start_api: StartApi) -> None:
    api = await start_api()
    user = await api.registered()
    weak = PasswordHashing(memory_kib=1024, passes=1)
    async with api.database.begin() as tx:
        outdated = await weak.hash(PASSWORD)
        await tx.sql.execute("UPDATE account SET password_hash = $1 WHERE email = $2", outdated, user["email"])
    weak.close()
    data(await api.login(user["email"]))
    [row] = await api.rows("SELECT password_hash FROM account WHERE email = $1", user["email"])
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    data(await api.login(user["email"]))


async def test_a_missing_or_malformed_hash_never_matches() -> None:
    hashing = PasswordHashing(memory_kib=64)
    assert not (await hashing.verify(None, "no account has this password")).matches
    assert not (await hashing.verify("no hash at all", "anything")).matches
    hashing.close()


async def test_hashing_threads_have_a_lower_priority() -> None:
    hashing = PasswordHashing(memory_kib=64)
    await hashing.hash("a password")

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)

    # Elsewhere a thread has no priority of its own.
    expected = max(NICENESS, niceness()) if sys.platform == "linux" else niceness()
    assert hashing._threads.submit(niceness).result() == expected
    hashing.close()
