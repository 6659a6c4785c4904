from datetime import timedelta

from services.auth.tests.harness import AuthApi, claims, data

from auth.jobs import purge
from common.clock import FixedClock


async def test_purge_deletes_old_rows_only(api: AuthApi, time: FixedClock) -> None:
    gone = await api.signed_in()
    await api.login("nobody@shop.test", "a wrong guess")
    data(await api.act("/auth/logout", gone))
    time.advance(timedelta(days=31))
    current = await api.signed_in(gone["user"]["email"])
    async with api.database.begin() as tx:
        assert await purge(tx, keep_audit=timedelta(days=400)) == 5
    assert [str(row["id"]) for row in await api.rows("SELECT id FROM session")] == [claims(current)["sid"]]
    assert len(await api.audited(gone["user"]["id"], "sign_in")) == 2
