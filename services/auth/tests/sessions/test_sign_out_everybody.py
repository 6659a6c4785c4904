from datetime import timedelta

import pytest
from services.auth.tests.harness import AuthApi, data

from common.clock import FixedClock
from common.contracts.auth import SessionRevoked
from common.testing import facts


async def test_everybody_is_signed_out_in_batches(
    api: AuthApi, time: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auth.sessions.api.sign_out_everybody.BATCH", 2)
    people = [await api.signed_in() for _ in range(4)]
    admin = await api.admin()
    time.advance(timedelta(seconds=1))
    ended = data(await api.act("/users/logout-all", admin))["sessions"]
    assert ended == len(people) + 1
    for tokens in (*people, admin):
        assert (await api.get("/auth/me", tokens)).status_code == 401
        assert (await api.post("/auth/refresh", {"refresh_token": tokens["refresh_token"]})).status_code == 401
    assert len(await facts(api.database, SessionRevoked)) == ended
    assert (await api.login(people[0]["user"]["email"])).status_code == 200


async def test_customers_may_not_sign_everybody_out(api: AuthApi) -> None:
    assert (await api.act("/users/logout-all", await api.signed_in())).status_code == 403
