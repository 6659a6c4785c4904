"""Responses in fixed steps of time, for routes whose duration could reveal whether an account exists."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from common.persistence.transaction import Transaction

STEP_SECONDS = 0.1
"""Well above the duration of any of these transactions on a machine that is not overloaded."""


@asynccontextmanager
async def constant_time(begin: Callable[[], AbstractAsyncContextManager[Transaction]]) -> AsyncIterator[Transaction]:
    """`begin()`; after commit or failure, waits until a whole number of steps has passed since the start."""
    clock = asyncio.get_running_loop().time
    started = clock()
    try:
        async with begin() as tx:
            yield tx
    finally:
        await asyncio.sleep((started - clock()) % STEP_SECONDS)
