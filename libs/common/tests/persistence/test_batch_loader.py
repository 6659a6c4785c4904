"""Batched reads by key."""

import asyncio

import pytest

from common.errors import Unavailable
from common.persistence import batch_loader
from common.persistence.batch_loader import MAX_KEYS, BatchLoader


class Source:
    """Returns for each even key the number of look-ups so far; odd keys do not exist. A gate blocks every look-up."""

    def __init__(self) -> None:
        self.lookups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.is_broken = False

    async def look_up(self, keys: list[int]) -> dict[int, int]:
        self.lookups.append(keys)
        await self.gate.wait()
        if self.is_broken:
            raise ConnectionError
        return {key: len(self.lookups) for key in keys if key % 2 == 0}


async def start_lookup(loader: BatchLoader[int, int]) -> asyncio.Task[int | None]:
    """A look-up that waits for the gate."""
    first = asyncio.create_task(loader.get(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    return first


async def test_keys_requested_during_a_lookup_share_the_next_one_and_get_no_older_value() -> None:
    source = Source()
    loader = BatchLoader(source.look_up)
    first = await start_lookup(loader)
    later = [asyncio.create_task(loader.get(key)) for key in (0, 2, 2, 3)]
    await asyncio.sleep(0)
    source.gate.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2, 2, 2, None]
    assert source.lookups == [[0], [0, 2, 3]]
    assert await loader.get(4) == 3


async def test_a_failed_lookup_fails_its_own_callers_only() -> None:
    source = Source()
    loader = BatchLoader(source.look_up)
    source.gate.set()
    source.is_broken = True
    failed = await asyncio.gather(*(loader.get(key) for key in (2, 4)), return_exceptions=True)
    assert [type(error) for error in failed] == [ConnectionError, ConnectionError]
    source.is_broken = False
    assert await loader.get(2) == 2


async def test_a_cancelled_caller_does_not_cancel_the_others() -> None:
    source = Source()
    loader = BatchLoader(source.look_up)
    first = await start_lookup(loader)
    cancelled, waiting = (asyncio.create_task(loader.get(2)) for _ in range(2))
    await asyncio.sleep(0)
    cancelled.cancel()
    first.cancel()
    source.gate.set()
    assert await waiting == 2


async def test_keys_are_looked_up_in_batches_and_too_many_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    loader = BatchLoader(source.look_up)
    monkeypatch.setattr(batch_loader, "MAX_WAITING_KEYS", MAX_KEYS + 10)
    first = await start_lookup(loader)
    waiting = [asyncio.create_task(loader.get(2 * key)) for key in range(MAX_KEYS + 10)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await loader.get(-2)
    source.gate.set()
    assert await first == 1
    assert set(await asyncio.gather(*waiting)) == {2, 3}
    assert [len(keys) for keys in source.lookups] == [1, MAX_KEYS, 10]
