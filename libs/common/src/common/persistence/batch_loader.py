"""Reading by key, together: what is asked for while one look-up is under way goes into the next, as one statement.

Alone, a key is looked up at once; under load a statement serves tens of requests, and no timer holds anybody up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

from common.errors import Unavailable

Key = TypeVar("Key")
Value = TypeVar("Value")

LARGEST = 100
MOST_WAITING = 10_000

LookUp = Callable[[list[Key]], Awaitable[Mapping[Key, Value]]]


class BatchLoader(Generic[Key, Value]):
    """`look_up` is given each key once and answers what it finds.

    A key is looked up after it was asked for, never taken from an answer that was on its way by then: who asks after
    a change sees the change.
    """

    def __init__(self, look_up: LookUp[Key, Value]) -> None:
        self._look_up = look_up
        self._waiting: dict[Key, list[asyncio.Future[Value | None]]] = {}
        self._running: asyncio.Task[None] | None = None

    async def get(self, key: Key) -> Value | None:
        """What is found under the key, or None. Raises what the look-up raises."""
        if len(self._waiting) >= MOST_WAITING:
            raise Unavailable
        # One each: who gives up does not take the answer from the others.
        answer: asyncio.Future[Value | None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(answer)
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await answer

    async def _run(self) -> None:
        asked: dict[Key, list[asyncio.Future[Value | None]]] = {}
        try:
            while self._waiting:
                asked = self._take()
                await self._answer(asked)
        finally:
            # In the same step that found nobody waiting: whoever comes next starts anew.
            self._running = None
            for answers in (*asked.values(), *self._waiting.values()):
                for answer in answers:
                    answer.cancel()
            self._waiting.clear()

    def _take(self) -> dict[Key, list[asyncio.Future[Value | None]]]:
        if len(self._waiting) <= LARGEST:
            asked, self._waiting = self._waiting, {}
            return asked
        keys = list(self._waiting)[:LARGEST]
        return {key: self._waiting.pop(key) for key in keys}

    async def _answer(self, asked: Mapping[Key, list[asyncio.Future[Value | None]]]) -> None:
        try:
            found = await self._look_up(list(asked))
        except Exception as error:
            for answers in asked.values():
                for answer in answers:
                    if not answer.done():
                        answer.set_exception(error)
            return
        for key, answers in asked.items():
            for answer in answers:
                if not answer.done():
                    answer.set_result(found.get(key))
