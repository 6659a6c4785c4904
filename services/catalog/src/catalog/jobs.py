"""What runs on a clock."""

from datetime import timedelta

from common import clock
from common.persistence.database import Database
from common.service import Job

from catalog.usecases.expire_reservations import expire_reservations

EXPIRY_EVERY = 5.0


def expiry(database: Database, hold: timedelta) -> Job:
    """Asks orders about reservations that are held for too long."""

    async def run() -> int:
        async with database.begin() as tx:
            return await expire_reservations(tx, clock.now(), hold)

    return Job("catalog.expiry", EXPIRY_EVERY, run)
