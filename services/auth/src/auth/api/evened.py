"""Transactions whose time says nothing about what was found in them, such as whether somebody has an account."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from common.persistence.transaction import Transaction

STEP = 0.1
"""Seconds. Well above what any of them takes on a machine that keeps up, whatever it finds."""


@asynccontextmanager
async def evened(begin: Callable[[], AbstractAsyncContextManager[Transaction]]) -> AsyncIterator[Transaction]:
    """`begin()`, and once it has committed or failed a wait until whole steps have passed since it began."""
    clock = asyncio.get_running_loop().time
    began = clock()
    try:
        async with begin() as tx:
            yield tx
    finally:
        await asyncio.sleep((began - clock()) % STEP)
