"""Composition root."""

from datetime import timedelta

from common.persistence.database import Database
from common.web.service import Service
from operations.dead_letters import api as dead_letters_api
from operations.dead_letters import subscribers as dead_letters
from operations.dead_letters.jobs import dead_letter_depth
from operations.dead_letters.store import delete_decided_before
from operations.journal import api as journal_api
from operations.journal import subscribers as journal
from operations.journal.store import delete_events_before
from operations.personal_data import subscribers as personal_data
from operations.requests import api as requests_api
from operations.requests import subscribers as requests
from operations.requests.store import delete_requests_before
from operations.retention import retention
from operations.settings import Settings


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    events_age = timedelta(days=settings.keep_events_days)
    requests_age = timedelta(days=settings.keep_requests_days)
    dead_letters_age = timedelta(days=settings.keep_dead_letters_days)
    return Service(
        name="operations",
        settings=settings,
        database=database,
        routers=[journal_api.router, dead_letters_api.router, requests_api.router],
        subscribers=[journal, dead_letters, personal_data, requests],
        jobs=[
            dead_letter_depth(database),
            retention("events.retention", database, delete_events_before, events_age),
            retention("requests.retention", database, delete_requests_before, requests_age),
            retention("dead-letters.retention", database, delete_decided_before, dead_letters_age),
        ],
    )
