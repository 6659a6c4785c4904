"""The administrator that is created at startup."""

import asyncio

import pytest
from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import ADMIN, claims

from common.contracts.auth import UserRegistered
from common.errors import Conflict


async def test_the_first_admin_is_created_once_and_later_starts_change_nothing(start_api: StartApi) -> None:
    api = await start_api()
    admin = await api.admin()
    assert (admin["user"]["role"], claims(admin)["roles"]) == ("admin", ["admin"])
    [event] = await api.published(UserRegistered, admin["user"]["id"])
    assert event.roles == ("admin",)
    other = {"admin_email": "other@shop.test", "admin_password": "some other secret"}
    again = await asyncio.gather(*(start_api(api.database, **other) for _ in range(3)))
    assert [(await late.login("other@shop.test", "some other secret")).status_code for late in again] == [401] * 3
    assert (await again[0].login(ADMIN["email"], ADMIN["password"])).status_code == 200
    assert len(await api.rows("SELECT FROM account")) == 1


async def test_three_concurrent_first_starts_create_one_admin(start_api: StartApi) -> None:
    api = await start_api(admin_email="")
    starts = ({"admin_email": f"owner{i}@shop.test", "admin_password": "a secret of mine"} for i in range(3))
    await asyncio.gather(*(start_api(api.database, **start) for start in starts))
    assert len(await api.rows("SELECT FROM account WHERE role = 'admin'")) == 1


async def test_a_customer_with_the_admins_address_does_not_become_admin(start_api: StartApi) -> None:
    api = await start_api(admin_email="")
    await api.registered(email="boss@shop.test")
    with pytest.raises(Conflict, match="DUKAN_ADMIN_EMAIL"):
        await start_api(api.database, admin_email="Boss@shop.test", admin_password="a secret of mine")
    assert await api.rows("SELECT FROM account WHERE role = 'admin'") == []
