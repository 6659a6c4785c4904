"""Group commit on a real database."""

import asyncio
from collections.abc import Sequence

import pytest

from common.errors import Conflict, Rejected
from common.persistence.database import Database
from common.persistence.group_commit import LANES, MAX_GROUP, GroupCommit
from common.persistence.transaction import Transaction
from common.testing import eventually
from common.testing.plugin import FreshDatabase

TABLE = "CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text)"
INSERT = "INSERT INTO note (text) SELECT unnest($1::text[])"


class Notes:
    """Writes notes in groups. `odd` notes are rejected, `broken` breaks the transaction; a gate blocks all groups."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.groups: list[list[str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._commits: GroupCommit[str, str] = GroupCommit(database, self._insert)

    async def write(self, note: str) -> str:
        return await self._commits.submit(note)

    async def _insert(self, tx: Transaction, notes: Sequence[str]) -> list[str | Rejected]:
        self.groups.append(list(notes))
        await self.gate.wait()
        await tx.sql.execute(INSERT, list(notes))
        if "broken" in notes:
            await tx.sql.execute("SELECT 1 / 0")
        return [Rejected(Conflict(note)) if note.startswith("odd") else f"wrote {note}" for note in notes]

    async def written(self) -> list[str]:
        async with self.database.begin() as tx:
            return [row["text"] for row in await tx.sql.fetch("SELECT text FROM note ORDER BY id")]

    async def occupy_lanes(self) -> list[asyncio.Task[str]]:
        """Start a group of one in every lane; they wait for the gate."""
        self.gate.clear()
        tasks = []
        for lane in range(LANES):
            tasks.append(asyncio.create_task(self.write(f"first {lane}")))
            await eventually(lambda: self._has_groups(len(tasks)))
        return tasks

    async def _has_groups(self, count: int) -> bool:
        return len(self.groups) == count

    async def write_together(self, *notes: str) -> list[str | BaseException]:
        """Queue the notes while all lanes are occupied, so that they form one group."""
        first = await self.occupy_lanes()
        tasks = [asyncio.create_task(self.write(note)) for note in notes]
        await asyncio.sleep(0)
        self.gate.set()
        await asyncio.gather(*first)
        return await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
async def notes(fresh_database: FreshDatabase) -> Notes:
    database = await fresh_database("common")
    async with database.begin() as tx:
        await tx.sql.execute(TABLE)
    return Notes(database)


async def test_a_single_item_is_committed_when_its_caller_gets_the_result(notes: Notes) -> None:
    assert await notes.write("alone") == "wrote alone"
    assert await notes.written() == ["alone"]


async def test_items_that_arrive_during_a_transaction_share_the_next_one(notes: Notes) -> None:
    arrived = [str(n) for n in range(20)]
    assert await notes.write_together(*arrived) == [f"wrote {note}" for note in arrived]
    assert arrived in notes.groups


async def test_a_group_has_a_maximum_size(notes: Notes) -> None:
    await notes.write_together(*(str(n) for n in range(MAX_GROUP * 2 + 1)))
    assert max(len(group) for group in notes.groups) == MAX_GROUP
    assert len(await notes.written()) == MAX_GROUP * 2 + 1 + LANES


async def test_a_rejected_item_writes_nothing_and_the_others_are_committed(notes: Notes) -> None:
    results = await notes.write_together("a", "odd", "b", "odd too")
    assert [results[0], results[2]] == ["wrote a", "wrote b"]
    assert [repr(results[1]), repr(results[3])] == ["Conflict('odd')", "Conflict('odd too')"]
    assert [note for note in await notes.written() if not note.startswith("first")] == ["a", "b"]


async def test_an_item_that_breaks_the_transaction_fails_only_itself(notes: Notes) -> None:
    results = await notes.write_together("a", "broken", "b")
    assert [results[0], results[2]] == ["wrote a", "wrote b"]
    assert "division by zero" in str(results[1])
    assert [note for note in await notes.written() if not note.startswith("first")] == ["a", "b"]


async def test_an_item_after_a_failure_is_committed(notes: Notes) -> None:
    for note in ("broken", "odd"):
        with pytest.raises(Exception, match=r"division by zero|odd"):
            await notes.write(note)
    assert await notes.write("after") == "wrote after"


async def test_an_item_whose_caller_was_cancelled_in_the_queue_is_not_written(notes: Notes) -> None:
    first = await notes.occupy_lanes()
    cancelled = asyncio.create_task(notes.write("cancelled"))
    await asyncio.sleep(0)
    cancelled.cancel()
    notes.gate.set()
    await asyncio.gather(*first)
    assert await notes.write("waiting") == "wrote waiting"
    assert "cancelled" not in await notes.written()


async def test_an_outage_fails_every_item() -> None:
    closed = Notes(Database("postgresql://nobody:x@127.0.0.1:9/none", pool_size=2))
    results = await asyncio.gather(*(closed.write(str(n)) for n in range(5)), return_exceptions=True)
    assert {type(result).__name__ for result in results} == {"DatabaseUnavailable"}
