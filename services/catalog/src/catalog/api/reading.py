"""What reading routes ask for: a connection without a transaction."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import asyncpg
from fastapi import Depends, Request


async def _read(request: Request) -> Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]:
    read: Callable[[], AbstractAsyncContextManager[asyncpg.Connection]] = request.app.state.reader.read
    return read


Read = Annotated[Callable[[], AbstractAsyncContextManager[asyncpg.Connection]], Depends(_read)]
