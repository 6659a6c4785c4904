"""Names that only one row may bear: slugs, SKUs, external keys."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import asyncpg
from sqlalchemy.exc import IntegrityError

from catalog.domain.slugs import first_free, slugify
from common.errors import Conflict, Invalid
from common.persistence.transaction import Transaction

TAKEN = {
    "category_slug_once": Conflict("Another category has this slug", code="slug_taken", field="slug"),
    "product_slug_once": Conflict("Another product has this slug", code="slug_taken", field="slug"),
    "product_sku_once": Conflict("Another product has this SKU", code="sku_taken", field="sku"),
    "product_external_key_once": Conflict(
        "Another product has this external key", code="external_key_taken", field="external_key"
    ),
}
MISSING = {
    "product_category": Invalid("There is no such category", code="unknown_category", field="category_id"),
    "category_parent": Invalid("There is no such category", code="unknown_category", field="parent_id"),
}
REFUSALS = TAKEN | MISSING
SLUGS = {
    "category": "SELECT slug FROM category WHERE slug ~ $1 AND id <> $2",
    "product": "SELECT slug FROM product WHERE slug ~ $1 AND id <> $2 AND deleted_at IS NULL",
}


async def free_slug(tx: Transaction, kind: str, name: str, row_id: UUID) -> str:
    """A slug for a "product" or a "category" called `name`, numbered when others have the plain one.

    Who names two things alike at the same moment waits for the first.
    """
    base = slugify(name, fallback=kind)
    await tx.sql.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"{kind}:{base}")
    rows = await tx.sql.fetch(SLUGS[kind], f"^{re.escape(base)}(-[0-9]+)?$", row_id)
    return first_free(base, {row["slug"] for row in rows})


@contextmanager
def refusing_conflicts() -> Iterator[None]:
    """Turn the database's word on a taken name or a missing row into the error that names the field."""
    try:
        yield
    except (IntegrityError, asyncpg.IntegrityConstraintViolationError) as error:
        violated = error.orig.__cause__ if isinstance(error, IntegrityError) and error.orig else error
        refusal = REFUSALS.get(getattr(violated, "constraint_name", None) or "")
        if refusal is None:
            raise
        raise type(refusal)(refusal.message, code=refusal.code, field=refusal.field) from error
