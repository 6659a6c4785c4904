"""Asks orders about reservations that have expired."""

from datetime import timedelta

from catalog.stock.usecases import expire_reservations
from common import clock
from common.jobs import Job
from common.persistence.database import Database

EXPIRE_EVERY_SECONDS = 5.0


def expire_reservations_job(database: Database, reservation_timeout: timedelta) -> Job:
    async def run() -> int:
        async with database.begin() as tx:
            return await expire_reservations(tx, clock.now(), reservation_timeout)

    return Job("catalog.expiry", EXPIRE_EVERY_SECONDS, run)
