"""An auth service on a database of its own, in process."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from services.auth.tests.people import ADMIN, Door

from auth.app import build
from auth.settings import Settings
from common import clock
from common.testing.plugin import ClientFor, FreshDatabase

OpenDoor = Callable[..., Awaitable[Door]]


@pytest.fixture
def open_door(fresh_database: FreshDatabase, client_for: ClientFor) -> OpenDoor:
    """`await open_door(existence_replies=False, …)`: auth with these settings; `database` joins another's."""

    async def open_with(database: Any = None, **settings: Any) -> Door:
        url = (database or await fresh_database("auth")).url
        owner = {"admin_email": ADMIN["email"], "admin_password": ADMIN["password"]}
        service = build(Settings.model_validate({"database_url": url} | owner | settings))
        return Door(service, await client_for(service))

    return open_with


@pytest.fixture
async def door(open_door: OpenDoor) -> Door:
    return await open_door()


@pytest.fixture
def time() -> Iterator[clock.FixedClock]:
    """A clock that the test moves."""
    fixed = clock.FixedClock(datetime.now(UTC))
    with clock.use(fixed):
        yield fixed
