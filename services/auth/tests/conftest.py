"""An auth service with its own database, in process."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from services.auth.tests.harness import ADMIN, AuthApi

from auth.app import build
from auth.settings import Settings
from common import clock
from common.testing.plugin import ClientFor, FreshDatabase

StartApi = Callable[..., Awaitable[AuthApi]]


@pytest.fixture
def start_api(fresh_database: FreshDatabase, client_for: ClientFor) -> StartApi:
    """`await start_api(reveals_account_existence=False, …)`: auth with these settings; `database` shares another's."""

    async def start(database: Any = None, **settings: Any) -> AuthApi:
        url = (database or await fresh_database("auth")).url
        owner = {"admin_email": ADMIN["email"], "admin_password": ADMIN["password"]}
        service = build(Settings.model_validate({"database_url": url} | owner | settings))
        return AuthApi(service, await client_for(service))

    return start


@pytest.fixture
async def api(start_api: StartApi) -> AuthApi:
    return await start_api()


@pytest.fixture
def time() -> Iterator[clock.FixedClock]:
    """A clock that the test moves."""
    fixed = clock.FixedClock(datetime.now(UTC))
    with clock.use(fixed):
        yield fixed
