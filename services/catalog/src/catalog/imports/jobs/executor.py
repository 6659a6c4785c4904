"""The work of one import: read the whole file once, then import it batch by batch."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import islice
from typing import BinaryIO, cast

from catalog.errors import TooManyRows
from catalog.imports.domain.cells import Problem, shown
from catalog.imports.domain.files import OpenFile, Survey, open_file, survey
from catalog.imports.domain.mapping import mapping_of
from catalog.imports.domain.numbers import Notation
from catalog.imports.domain.rows import BadRowError, RowRules, imported_product
from catalog.imports.domain.source_rows import SourceRow
from catalog.imports.store import imports as store
from catalog.imports.usecases.import_rows import ClaimLostError, ReadRow, import_rows
from catalog.imports.usecases.queue_import import ImportOptions
from common import clock
from common.errors import DukanError, Unavailable, is_outage
from common.persistence.database import Database
from common.persistence.errors import database_error

log = logging.getLogger(__name__)

BATCH = 50
ROW_ATTEMPTS = 3


class ImportExecutor:
    def __init__(self, database: Database, max_rows: int) -> None:
        self._database = database
        self._max_rows = max_rows

    async def execute(self, claim: store.Claim, lease: timedelta) -> None:
        """Import the rows that no earlier attempt has imported.

        Raises UnreadableFile, TooManyRows or an error of the mapping before the first row is imported, and
        ClaimLostError.
        """
        options = ImportOptions(**claim.options)
        async with self._source(claim) as file:
            rules = await self._survey(claim, file, options, lease)
            with open_file(file, options.encoding) as opened:
                rows = _read(opened, rules, options.lines)
                await asyncio.to_thread(_skip, rows, claim.done)
                while batch := await asyncio.to_thread(lambda: list(islice(rows, BATCH))):
                    await self._import(claim, batch, rules, lease)

    @asynccontextmanager
    async def _source(self, claim: store.Claim) -> AsyncIterator[BinaryIO]:
        """The file, on this machine's disk under no name: it goes with the process."""
        with tempfile.TemporaryFile() as file:
            async with self._database.begin() as tx:
                async for content in store.chunks(tx, claim.import_id):
                    await asyncio.to_thread(file.write, content)
            yield cast("BinaryIO", file)

    async def _survey(self, claim: store.Claim, file: BinaryIO, options: ImportOptions, lease: timedelta) -> RowRules:
        found, point_is_decimal = await asyncio.to_thread(_survey, file, options)
        if found.rows > self._max_rows:
            raise TooManyRows(f"The file has {found.rows} rows, an import has at most {self._max_rows}")
        mapping = mapping_of(found.columns, options.mapping)
        surveyed = store.Surveyed([shown(column) for column in found.columns], mapping, found.rows)
        async with self._database.begin() as tx:
            if not await store.set_survey(tx, claim, surveyed, clock.now(), lease):
                raise ClaimLostError
        return RowRules(mapping, options.currency, Notation(options.decimal, point_is_decimal), options.stock)

    async def _import(self, claim: store.Claim, rows: Sequence[ReadRow], rules: RowRules, lease: timedelta) -> None:
        """A batch in one transaction; if that fails, each row in its own, so that a row fails alone."""
        try:
            async with self._database.begin() as tx:
                await import_rows(tx, claim, rows, clock.now(), lease)
        except ClaimLostError:
            raise
        except Exception as error:
            if is_outage(error):
                raise
            for row in rows:
                await self._import_alone(claim, row, rules, lease)

    async def _import_alone(self, claim: store.Claim, row: ReadRow, rules: RowRules, lease: timedelta) -> None:
        for attempt in range(1, ROW_ATTEMPTS + 1):
            try:
                async with self._database.begin() as tx:
                    await import_rows(tx, claim, [row], clock.now(), lease)
            except ClaimLostError:
                raise
            except Exception as error:
                if is_outage(error):
                    raise
                # A deadlock with another change of the catalogue is not the row's fault.
                if attempt < ROW_ATTEMPTS and isinstance(database_error(error), Unavailable):
                    continue
                problem = _problem(error, row, rules)
            else:
                return
        async with self._database.begin() as tx:
            await import_rows(tx, claim, [row._replace(product=None, problems=[problem])], clock.now(), lease)


def _survey(file: BinaryIO, options: ImportOptions) -> tuple[Survey, bool]:
    with open_file(file, options.encoding) as opened:
        return survey(opened), opened.point_is_decimal


def _read(opened: OpenFile, rules: RowRules, lines: Sequence[int] | None) -> Iterator[ReadRow]:
    for position, source in enumerate(opened.rows, start=1):
        line = lines[position - 1] if lines else source.line
        yield _row(position, source._replace(line=line), rules)


def _row(position: int, source: SourceRow, rules: RowRules) -> ReadRow:
    try:
        return ReadRow(position, source.line, imported_product(source, rules))
    except BadRowError as error:
        return ReadRow(position, source.line, None, error.problems)
    except Exception:
        # Whatever a cell raises is the problem of its row.
        log.exception("line %d of an import cannot be read", source.line)
        return ReadRow(position, source.line, None, [Problem(None, "unreadable_row", "cannot be read")])


def _problem(error: Exception, row: ReadRow, rules: RowRules) -> Problem:
    """What the report shows of an error that the database or a use case raised."""
    known = error if isinstance(error, DukanError) else database_error(error)
    if known is None:
        log.error("line %d of an import cannot be imported", row.line, exc_info=error)
        return Problem(None, DukanError.code, "cannot be imported")
    column = rules.mapping.get(known.field or "", known.field)
    return Problem(shown(column) if column else None, known.code, known.message)


def _skip(rows: Iterator[ReadRow], count: int) -> None:
    for _ in islice(rows, count):
        pass
