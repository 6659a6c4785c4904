"""Password hashing never stands in anybody's way."""

import asyncio
import os
import sys
import threading

from services.auth.tests.conftest import OpenDoor
from services.auth.tests.harness import PASSWORD, data

from auth.passwords.providers.hashing import MAX_PENDING, NICENESS, PasswordHashing
from common.errors import Unavailable
from common.testing import eventually


async def test_while_twenty_sign_ins_wait_for_argon2_everything_else_answers(open_door: OpenDoor) -> None:
    door = await open_door(database_pool_size=2)
    tokens = await door.signed_in()
    hashing, release = door.identification.hashing, threading.Event()
    busy = [hashing._threads.submit(release.wait, 60) for _ in range(os.cpu_count() or 1)]
    logins = [asyncio.create_task(door.login(tokens["user"]["email"])) for _ in range(20)]
    try:

        async def all_wait() -> bool:
            return hashing._waiting == len(logins)

        await eventually(all_wait)
        assert (await door.http.get("/health/live")).status_code == 200
        # Needs the database, whose two connections would be gone if a sign-in held one while it waits.
        assert (await door.get("/auth/me", tokens)).status_code == 200
        assert not any(login.done() for login in logins)
    finally:
        release.set()
    assert [(await login).status_code for login in logins] == [200] * 20
    assert all(thread.result() for thread in busy)


async def test_a_queue_that_is_too_long_is_closed() -> None:
    hashing, release = PasswordHashing(memory_kib=64), threading.Event()
    busy = [hashing._threads.submit(release.wait, 60) for _ in range(os.cpu_count() or 1)]
    waiting = [asyncio.create_task(hashing.verify(None, "x")) for _ in range(MAX_PENDING)]
    await asyncio.sleep(0)
    try:
        await hashing.verify(None, "one too many")
        refused = False
    except Unavailable as error:
        refused = error.code == "sign_in_busy"
    release.set()
    await asyncio.gather(*waiting)
    hashing.close()
    assert refused
    assert len(busy) == (os.cpu_count() or 1)


async def test_a_hash_with_outdated_parameters_is_renewed_at_sign_in(open_door: OpenDoor) -> None:
    door = await open_door()
    user = await door.registered()
    weak = PasswordHashing(memory_kib=1024, passes=1)
    async with door.database.begin() as tx:
        outdated = await weak.hash(PASSWORD)
        await tx.sql.execute("UPDATE account SET password_hash = $1 WHERE email = $2", outdated, user["email"])
    weak.close()
    data(await door.login(user["email"]))
    [row] = await door.rows("SELECT password_hash FROM account WHERE email = $1", user["email"])
    assert row["password_hash"].startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    data(await door.login(user["email"]))


async def test_nobody_and_a_broken_hash_never_match() -> None:
    hashing = PasswordHashing(memory_kib=64)
    assert not (await hashing.verify(None, "nobody has this password")).matches
    assert not (await hashing.verify("no hash at all", "anything")).matches
    hashing.close()


async def test_whoever_hashes_gives_way_to_whoever_answers() -> None:
    hashing = PasswordHashing(memory_kib=64)
    await hashing.hash("a password")

    def niceness() -> int:
        return os.getpriority(os.PRIO_PROCESS, 0)

    # Elsewhere a thread has no priority of its own.
    expected = max(NICENESS, niceness()) if sys.platform == "linux" else niceness()
    assert hashing._threads.submit(niceness).result() == expected
    hashing.close()
