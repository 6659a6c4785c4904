"""Reads by key that share statements."""

import asyncio

import pytest

from common.errors import Unavailable
from common.persistence import batch_loader
from common.persistence.batch_loader import LARGEST, BatchLoader


class Shelf:
    """Answers a key with how often it was looked up so far; a gate holds every look-up. Odd keys are not there."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.gate = asyncio.Event()
        self.broken = False

    async def look_up(self, keys: list[int]) -> dict[int, int]:
        self.asked.append(keys)
        await self.gate.wait()
        if self.broken:
            raise ConnectionError
        return {key: len(self.asked) for key in keys if key % 2 == 0}


async def occupied(reads: BatchLoader[int, int]) -> asyncio.Task[int | None]:
    """A look-up that is under way."""
    first = asyncio.create_task(reads.get(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return first


async def test_those_who_come_during_a_look_up_share_the_next_and_never_take_an_older_answer() -> None:
    shelf = Shelf()
    reads = BatchLoader(shelf.look_up)
    first = await occupied(reads)
    later = [asyncio.create_task(reads.get(key)) for key in (0, 2, 2, 3)]
    await asyncio.sleep(0)
    shelf.gate.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2, 2, 2, None]
    assert shelf.asked == [[0], [0, 2, 3]]
    assert await reads.get(4) == 3


async def test_a_failed_look_up_fails_those_who_asked_and_nobody_after_them() -> None:
    shelf = Shelf()
    reads = BatchLoader(shelf.look_up)
    shelf.gate.set()
    shelf.broken = True
    failed = await asyncio.gather(*(reads.get(key) for key in (2, 4)), return_exceptions=True)
    assert [type(error) for error in failed] == [ConnectionError, ConnectionError]
    shelf.broken = False
    assert await reads.get(2) == 2


async def test_who_gives_up_takes_the_answer_from_nobody() -> None:
    shelf = Shelf()
    reads = BatchLoader(shelf.look_up)
    first = await occupied(reads)
    impatient, patient = (asyncio.create_task(reads.get(2)) for _ in range(2))
    await asyncio.sleep(0)
    impatient.cancel()
    first.cancel()
    shelf.gate.set()
    assert await patient == 2


async def test_more_keys_than_a_statement_takes_are_asked_for_in_turns_and_too_many_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = Shelf()
    reads = BatchLoader(shelf.look_up)
    monkeypatch.setattr(batch_loader, "MOST_WAITING", LARGEST + 10)
    first = await occupied(reads)
    waiting = [asyncio.create_task(reads.get(2 * key)) for key in range(LARGEST + 10)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await reads.get(-2)
    shelf.gate.set()
    assert await first == 1
    assert set(await asyncio.gather(*waiting)) == {2, 3}
    assert [len(keys) for keys in shelf.asked] == [1, LARGEST, 10]
