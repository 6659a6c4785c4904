"""What reading routes ask for: a connection without a transaction."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated

import asyncpg
from fastapi import Depends, Request

Reading = Callable[[], AbstractAsyncContextManager[asyncpg.Connection]]


async def _read(request: Request) -> Reading:
    read: Reading = request.app.state.reader.read
    return read


async def _search(request: Request) -> Reading:
    read: Reading = request.app.state.searcher.read
    return read


Read = Annotated[Reading, Depends(_read)]
Search = Annotated[Reading, Depends(_search)]
"""For statements whose best plan depends on what is looked for."""
