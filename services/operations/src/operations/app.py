"""Composition root."""

from datetime import timedelta

from common.persistence.database import Database
from common.web.service import Service
from operations import subscribers
from operations.api import dead_letters, events, requests
from operations.jobs import dead_letter_depth, retention
from operations.settings import Settings
from operations.usecases.forget import forget_dead_letters, forget_events, forget_requests


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    return Service(
        name="operations",
        settings=settings,
        database=database,
        routers=[events.router, dead_letters.router, requests.router],
        subscribers=[subscribers],
        jobs=[
            dead_letter_depth(database),
            retention("events.retention", database, forget_events, timedelta(days=settings.keep_events_days)),
            retention("requests.retention", database, forget_requests, timedelta(days=settings.keep_requests_days)),
            retention(
                "dead-letters.retention",
                database,
                forget_dead_letters,
                timedelta(days=settings.keep_dead_letters_days),
            ),
        ],
    )
