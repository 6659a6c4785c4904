"""Group commit: items that arrive while a transaction is running are committed together in the next one.

A transaction costs the same round trips and the same flush for one item as for fifty. A single item is committed at
once; under load the groups grow by themselves, and no timer delays an item.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from opentelemetry.trace import Span

from common import telemetry
from common.errors import Rejected, is_outage
from common.persistence.database import Database
from common.persistence.transaction import Transaction

Item = TypeVar("Item")
Result = TypeVar("Result")

MAX_GROUP = 64
LANES = 2
"""Transactions at the same time: while one waits for the database, the next group is prepared."""

Work = Callable[[Transaction, Sequence[Item]], Awaitable[Sequence[Result | Rejected]]]


@dataclass(slots=True, eq=False)
class _Pending(Generic[Item, Result]):
    """An item in the queue and the future on which its caller waits."""

    item: Item
    result: asyncio.Future[Result]
    span: Span | None


class GroupCommit(Generic[Item, Result]):
    """`submit(item)` returns the item's result after the commit of its group.

    `work(tx, items)` processes all items with set-based SQL and returns one result per item, in order. A `Rejected`
    among them raises its error in that item's caller; the transaction is rolled back and the other items run again
    without it. If `work` itself raises, each item runs alone, so that a faulty item fails only itself. A caller that is
    cancelled does not undo an item whose transaction has begun.
    """

    def __init__(self, database: Database, work: Work[Item, Result]) -> None:
        self._database = database
        self._work = work
        self._queue: deque[_Pending[Item, Result]] = deque()
        self._running = 0
        self._lanes: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """The item's result, once it is committed. Raises the error that rejects the item."""
        pending: _Pending[Item, Result] = _Pending(
            item, asyncio.get_running_loop().create_future(), telemetry.current_span()
        )
        self._queue.append(pending)
        if self._running < LANES:
            self._running += 1
            lane = asyncio.create_task(self._drain())
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)
        return await pending.result

    async def _drain(self) -> None:
        group: list[_Pending[Item, Result]] = []
        try:
            while group := self._next_group():
                await self._commit(group)
        except BaseException as error:
            _fail([*group, *self._queue], error)
            raise
        finally:
            # No await since the queue was found empty, so the next item starts a new lane.
            self._running -= 1

    def _next_group(self) -> list[_Pending[Item, Result]]:
        """The next items whose callers still wait."""
        group: list[_Pending[Item, Result]] = []
        while self._queue and len(group) < MAX_GROUP:
            pending = self._queue.popleft()
            if not pending.result.done():
                group.append(pending)
        return group

    async def _commit(self, group: list[_Pending[Item, Result]]) -> None:
        """Run the group until every item has a result; each round settles at least one."""
        while group:
            try:
                # The transaction is in the trace of the first item; the lane's own context is of an earlier one.
                with telemetry.below(group[0].span):
                    results = await self._run([pending.item for pending in group])
            except _RollBack as rollback:
                group = _reject(group, rollback.results)
            except Exception as error:
                if len(group) > 1 and not is_outage(error):
                    for pending in group:
                        await self._commit([pending])
                else:
                    _fail(group, error)
                return
            else:
                for pending, result in zip(group, results, strict=True):
                    if not pending.result.done():
                        pending.result.set_result(result)
                return

    async def _run(self, items: Sequence[Item]) -> Sequence[Result]:
        async with self._database.begin() as tx:
            results = await self._work(tx, items)
            if any(isinstance(result, Rejected) for result in results):
                raise _RollBack(results)
        return [result for result in results if not isinstance(result, Rejected)]


class _RollBack(Exception):  # noqa: N818  (it never leaves this module)
    """Rolls a group's transaction back and carries the results of its items."""

    def __init__(self, results: Sequence[object]) -> None:
        super().__init__()
        self.results = results


def _reject(group: list[_Pending[Item, Result]], results: Sequence[object]) -> list[_Pending[Item, Result]]:
    """Fail the rejected items; returns the others."""
    others = []
    for pending, result in zip(group, results, strict=True):
        if isinstance(result, Rejected):
            _fail([pending], result.error)
        else:
            others.append(pending)
    return others


def _fail(group: Sequence[_Pending[Item, Result]], error: BaseException) -> None:
    for pending in group:
        if not pending.result.done():
            pending.result.set_exception(error) if isinstance(error, Exception) else pending.result.cancel()
