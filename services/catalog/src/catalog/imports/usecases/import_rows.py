"""Import a batch of rows, with its report and the progress of its import: all in one transaction."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from catalog.imports.domain.cells import Problem
from catalog.imports.domain.rows import ImportedProduct
from catalog.imports.store import imports as store
from catalog.imports.store.report import Outcome, insert_outcomes
from catalog.imports.usecases.import_products import ImportResult, import_products
from common.persistence.transaction import Transaction


class ReadRow(NamedTuple):
    """A row of the file: a product, or what is wrong with it."""

    position: int
    line: int
    product: ImportedProduct | None
    problems: Sequence[Problem] = ()


class ClaimLostError(Exception):
    """The import was revoked, or another process runs it: nothing of this batch may be written."""


async def import_rows(
    tx: Transaction, claim: store.Claim, rows: Sequence[ReadRow], now: datetime, lease: timedelta
) -> None:
    """Raises ClaimLostError, or the error of the first product that cannot be written."""
    products = [row.product for row in rows if row.product is not None]
    results = iter(await import_products(tx, products, claim.owner_id))
    outcomes = [_outcome(row, next(results) if row.product is not None else None) for row in rows]
    counts = Counter(outcome.outcome for outcome in outcomes)
    by = store.Advance(*(counts[name] for name in store.Advance._fields))
    await tx.flush()
    await insert_outcomes(tx, claim.import_id, outcomes)
    # Last: its row lock is what a revocation waits for.
    if not await store.advance(tx, claim, by, now, lease):
        raise ClaimLostError


def _outcome(row: ReadRow, result: ImportResult | None) -> Outcome:
    if row.product is None or result is None:
        return Outcome(row.position, row.line, "failed", errors=[problem._asdict() for problem in row.problems])
    keys = (row.product.external_key, row.product.sku, row.product.image)
    return Outcome(row.position, row.line, result.outcome, result.product_id, *keys)
