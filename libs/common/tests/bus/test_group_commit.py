"""Group commit on a real database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from common.persistence.database import Database
from common.persistence.group_commit import LANES, LARGEST, GroupCommit
from common.persistence.transaction import Transaction
from common.testing import eventually

NewDatabase = Callable[[], Awaitable[Database]]

NOTE = "INSERT INTO effect (note) SELECT unnest($1::text[])"


class Notes:
    """Writes notes in groups. An `odd` note is rejected, a `broken` one breaks the transaction; a gate stops all."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.groups: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.write: GroupCommit[str, str] = GroupCommit(database, self._write)

    async def _write(self, tx: Transaction, notes: Sequence[str]) -> list[str | Exception]:
        self.groups.append(list(notes))
        await self.gate.wait()
        await tx.sql.execute(NOTE, list(notes))
        if "broken" in notes:
            await tx.sql.execute("SELECT 1 / 0")
        return [ValueError(note) if note.startswith("odd") else f"stored {note}" for note in notes]

    async def stored(self) -> list[str]:
        async with self.database.begin() as tx:
            return [row["note"] for row in await tx.sql.fetch("SELECT note FROM effect ORDER BY id")]

    async def occupy(self) -> list[asyncio.Task[str]]:
        """Fill every lane with a group of one that waits for the gate."""
        self.gate.clear()
        tasks = []
        for lane in range(LANES):
            tasks.append(asyncio.create_task(self.write(f"first {lane}")))
            await eventually(lambda: self._lanes_are_full(len(tasks)))
        return tasks

    async def _lanes_are_full(self, lanes: int) -> bool:
        return len(self.groups) == lanes

    async def write_together(self, *notes: str) -> list[str | BaseException]:
        """Let the notes queue behind waiting groups, so that they form one group."""
        first = await self.occupy()
        tasks = [asyncio.create_task(self.write(note)) for note in notes]
        await asyncio.sleep(0)
        self.gate.set()
        await asyncio.gather(*first)
        return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def notes(new_database: NewDatabase) -> Notes:
    return Notes(await new_database())


async def test_a_single_item_is_committed_when_the_call_returns(notes: Notes) -> None:
    assert await notes.write("alone") == "stored alone"
    assert await notes.stored() == ["alone"]


async def test_items_that_arrive_during_a_transaction_share_the_next_one(notes: Notes) -> None:
    arrived = [str(n) for n in range(20)]
    assert await notes.write_together(*arrived) == [f"stored {note}" for note in arrived]
    assert arrived in notes.groups


async def test_a_group_has_a_maximum_size(notes: Notes) -> None:
    await notes.write_together(*(str(n) for n in range(LARGEST * 2 + 1)))
    assert max(len(group) for group in notes.groups) == LARGEST
    assert len(await notes.stored()) == LARGEST * 2 + 1 + LANES


async def test_a_rejected_item_is_rolled_back_and_the_others_are_committed(notes: Notes) -> None:
    outcomes = await notes.write_together("a", "odd", "b", "odd too")
    assert [outcomes[0], outcomes[2]] == ["stored a", "stored b"]
    assert [repr(outcomes[1]), repr(outcomes[3])] == ["ValueError('odd')", "ValueError('odd too')"]
    assert [note for note in await notes.stored() if not note.startswith("first")] == ["a", "b"]


async def test_an_item_that_breaks_the_transaction_fails_alone(notes: Notes) -> None:
    outcomes = await notes.write_together("a", "broken", "b")
    assert [outcomes[0], outcomes[2]] == ["stored a", "stored b"]
    assert "division by zero" in str(outcomes[1])
    assert [note for note in await notes.stored() if not note.startswith("first")] == ["a", "b"]


async def test_an_item_after_a_failure_is_committed(notes: Notes) -> None:
    for note in ("broken", "odd"):
        with pytest.raises(Exception, match=r"division by zero|odd"):
            await notes.write(note)
    assert await notes.write("after") == "stored after"


async def test_a_cancelled_item_is_not_written(notes: Notes) -> None:
    first = await notes.occupy()
    cancelled = asyncio.create_task(notes.write("cancelled"))
    await asyncio.sleep(0)
    cancelled.cancel()
    notes.gate.set()
    await asyncio.gather(*first)
    assert await notes.write("next") == "stored next"
    assert "cancelled" not in await notes.stored()


async def test_an_outage_fails_every_item() -> None:
    closed = Notes(Database("postgresql://nobody:x@127.0.0.1:9/none", pool_size=2))
    outcomes = await asyncio.gather(*(closed.write(str(n)) for n in range(5)), return_exceptions=True)
    assert {type(outcome).__name__ for outcome in outcomes} == {"DatabaseUnavailable"}
