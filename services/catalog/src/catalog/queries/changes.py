"""Whether what the public sees has changed, exactly and at the price of one look at an index."""

from typing import NamedTuple

import asyncpg

# A transaction may begin before the snapshot and commit after it: it is not visible in it, whatever its number.
SINCE = """
SELECT EXISTS (SELECT FROM public_change WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot)
               AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)) AS changed,
       pg_current_snapshot()::text AS snapshot
"""


class Look(NamedTuple):
    """`snapshot` is what the look itself saw: ask with it next time."""

    changed: bool
    snapshot: str


async def look_for_changes(sql: asyncpg.Connection, since: str | None) -> Look:
    """What happened since an earlier look of the last hours; nothing since None."""
    return Look(*await sql.fetchrow(SINCE, since))
