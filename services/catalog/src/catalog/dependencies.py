"""FastAPI dependencies that several features use."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import asyncpg
from fastapi import Depends, Query, Request

from common.errors import Forbidden, Unauthenticated
from common.persistence.reader import Reader
from common.security.tokens import Identity
from common.web.dependencies import MaybeCaller, may

Merchandiser = Annotated[Identity, may("offer.manage")]
"""A caller who may change categories and products."""


def may_manage(caller: Identity | None) -> bool:
    return caller is not None and caller.may("offer.manage")


async def _read(request: Request) -> Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]:
    reader: Reader = request.app.state.reader
    return reader.read


Read = Annotated[Callable[[], AbstractAsyncContextManager[asyncpg.Connection]], Depends(_read)]
"""Opens a connection for one read, without a transaction."""


async def _default_currency(request: Request) -> str:
    currency: str = request.app.state.currency
    return currency


DefaultCurrency = Annotated[str, Depends(_default_currency)]
"""The currency of prices that state none."""


async def _include_inactive(
    caller: MaybeCaller,
    include_inactive: Annotated[bool, Query(description="staff only: include what is not active")] = False,
) -> bool:
    if include_inactive:
        if caller is None:
            raise Unauthenticated
        if not may_manage(caller):
            raise Forbidden("Only staff see what is not active")
    return include_inactive


IncludeInactive = Annotated[bool, Depends(_include_inactive)]
