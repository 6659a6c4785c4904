"""Group commit: what arrives while a transaction is under way goes together into the next one.

A transaction costs the same round trips and the same flush for one request as for fifty. Alone, an item is committed
at once; under load groups grow by themselves, and no timer holds anybody up.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from common.errors import is_outage
from common.persistence.database import Database
from common.persistence.transaction import Transaction

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

LARGEST = 64
LANES = 2
"""Groups under way at once: while one waits for the database, the next is made up."""

Work = Callable[[Transaction, Sequence[Item]], Awaitable[Sequence[Outcome | Exception]]]


@dataclass(slots=True, eq=False)
class _Place(Generic[Item, Outcome]):
    """An item in the queue, and who waits for its outcome."""

    item: Item
    outcome: asyncio.Future[Outcome]


class GroupCommit(Generic[Item, Outcome]):
    """Call it with an item; it returns that item's outcome once the group's transaction is committed.

    `work(tx, items)` does all items with set-based SQL and returns an outcome for each, in order. An exception among
    them refuses that item: nothing of the group is kept, and the others go again without it. When `work` itself
    raises, each item is tried alone, so that one that cannot be done hurts itself only. A caller who gives up does not
    undo an item whose transaction has begun.
    """

    def __init__(self, database: Database, work: Work[Item, Outcome]) -> None:
        self._database = database
        self._work = work
        self._queue: deque[_Place[Item, Outcome]] = deque()
        self._busy = 0
        self._lanes: set[asyncio.Task[None]] = set()

    async def __call__(self, item: Item) -> Outcome:
        place: _Place[Item, Outcome] = _Place(item, asyncio.get_running_loop().create_future())
        self._queue.append(place)
        if self._busy < LANES:
            self._busy += 1
            lane = asyncio.create_task(self._drain())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await place.outcome

    async def _drain(self) -> None:
        group: list[_Place[Item, Outcome]] = []
        try:
            while group := self._next_group():
                await self._commit(group)
        except BaseException as error:
            _fail([*group, *self._queue], error)
            raise
        finally:
            # In the same step that found the queue empty: whoever comes next starts a lane.
            self._busy -= 1

    def _next_group(self) -> list[_Place[Item, Outcome]]:
        """The next items that somebody still waits for."""
        group: list[_Place[Item, Outcome]] = []
        while self._queue and len(group) < LARGEST:
            place = self._queue.popleft()
            if not place.outcome.done():
                group.append(place)
        return group

    async def _commit(self, group: list[_Place[Item, Outcome]]) -> None:
        """Run the group until everybody in it has an answer; each round settles at least one."""
        while group:
            try:
                outcomes = await self._run([place.item for place in group])
            except _Refused as refused:
                group = _dismiss(group, refused.outcomes)
            except Exception as error:
                if len(group) > 1 and not is_outage(error):
                    for place in group:
                        await self._commit([place])
                else:
                    _fail(group, error)
                return
            else:
                for place, outcome in zip(group, outcomes, strict=True):
                    _settle(place.outcome, outcome)
                return

    async def _run(self, items: Sequence[Item]) -> Sequence[Outcome]:
        async with self._database.begin() as tx:
            outcomes = await self._work(tx, items)
            if any(isinstance(outcome, Exception) for outcome in outcomes):
                raise _Refused(outcomes)
        return [outcome for outcome in outcomes if not isinstance(outcome, Exception)]


class _Refused(Exception):  # noqa: N818  (it never leaves this module)
    """Rolls a group back, carrying what became of its items."""

    def __init__(self, outcomes: Sequence[object]) -> None:
        super().__init__()
        self.outcomes = outcomes


def _dismiss(group: list[_Place[Item, Outcome]], outcomes: Sequence[object]) -> list[_Place[Item, Outcome]]:
    """Tell the refused ones; the rest of the group."""
    rest = []
    for place, outcome in zip(group, outcomes, strict=True):
        if isinstance(outcome, Exception):
            _fail([place], outcome)
        else:
            rest.append(place)
    return rest


def _fail(group: Sequence[_Place[Item, Outcome]], error: BaseException) -> None:
    for place in group:
        if not place.outcome.done():
            place.outcome.set_exception(error) if isinstance(error, Exception) else place.outcome.cancel()


def _settle(waiting: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not waiting.done():
        waiting.set_result(outcome)
