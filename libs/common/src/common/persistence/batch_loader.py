"""Batched reads by key: keys that are requested while a look-up is running share the next one.

A single key is looked up at once; under load one statement serves tens of requests, and no timer delays a key.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from common.errors import Unavailable

Key = TypeVar("Key")
Value = TypeVar("Value")

MAX_KEYS = 100
"""In one look-up."""
MAX_WAITING_KEYS = 10_000

LookUp = Callable[[list[Key]], Awaitable[Mapping[Key, Value]]]
_Waiting = dict[Key, list[asyncio.Future[Value | None]]]


class BatchLoader(Generic[Key, Value]):
    """`look_up(keys)` receives each key once and returns the values that exist.

    A look-up starts after its keys were requested, never before: a caller that reads after a change sees the change.
    """

    def __init__(self, look_up: LookUp[Key, Value]) -> None:
        self._look_up = look_up
        self._waiting: _Waiting[Key, Value] = {}
        self._running: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Value | None:
        """The value of the key, or None. Raises what the look-up raises."""
        if len(self._waiting) >= MAX_WAITING_KEYS:
            raise Unavailable
        # One future per caller: a cancelled caller does not cancel the others.
        value: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(value)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await value

    async def _run(self) -> None:
        batch: _Waiting[Key, Value] = {}
        try:
            while self._waiting:
                batch = self._next_batch()
                await self._load(batch)
        finally:
            # No await since no key was found waiting, so the next key starts a new task.
            self._running = None
            for values in (*batch.values(), *self._waiting.values()):
                for value in values:
                    value.cancel()
            self._waiting.clear()

    def _next_batch(self) -> _Waiting[Key, Value]:
        if len(self._waiting) <= MAX_KEYS:
            batch, self._waiting = self._waiting, {}
            return batch
        keys = list(self._waiting)[:MAX_KEYS]
        return {key: self._waiting.pop(key) for key in keys}

    async def _load(self, batch: _Waiting[Key, Value]) -> None:
        try:
            found = await self._look_up(list(batch))
        except Exception as error:
            for values in batch.values():
                for value in values:
                    if not value.done():
                        value.set_exception(error)
            return
        for key, values in batch.items():
            for value in values:
                if not value.done():
                    value.set_result(found.get(key))
