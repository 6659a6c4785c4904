"""Tell people of facts: an in-app notification for each, and a queued mail where the notice has a template."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from common import clock
from common.contracts.event import Event
from common.contracts.notifications import NotificationCreated
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.persistence.transaction import Transaction
from notifications.domain.notices import Notice
from notifications.usecases.remember_contacts import CONTACT_LOCK

# A cause that was announced before stays announced once, also long after the inbox has forgotten it.
INSERT_NOTIFICATIONS = """
INSERT INTO notification (id, user_id, topic, title, body, data, cause, created_at)
SELECT *, $8::timestamptz
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::uuid[])
ON CONFLICT (cause) DO NOTHING RETURNING id
"""

INSERT_EMAILS = """
INSERT INTO email (id, user_id, template, data, state, cause, correlation_id, traceparent, tracestate,
                   next_attempt_at, created_at)
SELECT *, $10::timestamptz, $10
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::jsonb[], $5::text[], $6::uuid[], $7::text[], $8::text[], $9::text[])
ON CONFLICT (cause) DO NOTHING
"""

ERASED = "SELECT user_id FROM contact WHERE user_id = ANY($1::uuid[]) AND erased_at IS NOT NULL"
KNOWN = "SELECT user_id FROM contact WHERE user_id = ANY($1::uuid[])"

# Held against remember_contacts: it waits, and then sees the mails that wait for the contact it brings.
AWAIT_REGISTRATION = """
SELECT pg_advisory_xact_lock_shared($2, key)
FROM (SELECT DISTINCT hashtext(user_id::text) AS key FROM unnest($1::uuid[]) user_id) AS keys ORDER BY key
"""


@dataclass(frozen=True, slots=True)
class Announcement:
    """What `user_id` is told because of `event`."""

    event: Event
    user_id: UUID
    notice: Notice


async def announce(tx: Transaction, announcements: Sequence[Announcement]) -> None:
    """Write the notifications and mails of a batch of received events, each in one statement; of erased people none."""
    announcements = await _not_erased(tx, announcements)
    mails = [announcement for announcement in announcements if announcement.notice.template]
    if mails:
        await _queue_mails(tx, mails)
    await _notify(tx, [announcement for announcement in announcements if announcement.notice.title])


async def _not_erased(tx: Transaction, announcements: Sequence[Announcement]) -> list[Announcement]:
    erased = {row["user_id"] for row in await tx.sql.fetch(ERASED, [a.user_id for a in announcements])}
    return [announcement for announcement in announcements if announcement.user_id not in erased]


async def _notify(tx: Transaction, announcements: Sequence[Announcement]) -> None:
    if not announcements:
        return
    ids = [new_id() for _ in announcements]
    rows = [_notification(tx, id_, a) for id_, a in zip(ids, announcements, strict=True)]
    inserted = await tx.sql.fetch(INSERT_NOTIFICATIONS, *_columns(rows), clock.now())
    fresh = {row["id"] for row in inserted}
    for id_, announcement in zip(ids, announcements, strict=True):
        if id_ in fresh:
            tx.publish(_created(id_, announcement), cause=announcement.event)


async def _queue_mails(tx: Transaction, announcements: Sequence[Announcement]) -> None:
    reachable = await _reachable(tx, {announcement.user_id for announcement in announcements})
    rows = [_mail(tx.cloud_event_of(a.event), a, reachable) for a in announcements]
    await tx.sql.execute(INSERT_EMAILS, *_columns(rows), clock.now())


async def _reachable(tx: Transaction, user_ids: Collection[UUID]) -> set[UUID]:
    """The users whose contact is known; for the others, nobody can make it known before this commits."""
    known = await _known(tx, user_ids)
    unknown = [user_id for user_id in user_ids if user_id not in known]
    if unknown:
        await tx.sql.execute(AWAIT_REGISTRATION, unknown, CONTACT_LOCK)
        known |= await _known(tx, unknown)
    return known


async def _known(tx: Transaction, user_ids: Collection[UUID]) -> set[UUID]:
    return {row["user_id"] for row in await tx.sql.fetch(KNOWN, list(user_ids))}


def _notification(tx: Transaction, id_: UUID, announcement: Announcement) -> tuple[object, ...]:
    notice = announcement.notice
    cause = tx.cloud_event_of(announcement.event).id
    return id_, announcement.user_id, notice.topic, notice.title, notice.body, json.dumps(notice.data), cause


def _mail(cloud_event: CloudEvent, announcement: Announcement, reachable: Collection[UUID]) -> tuple[object, ...]:
    notice = announcement.notice
    return (
        new_id(),
        announcement.user_id,
        notice.template,
        json.dumps(notice.details),
        "queued" if announcement.user_id in reachable else "waiting_contact",
        cloud_event.id,
        cloud_event.correlation_id,
        cloud_event.traceparent,
        cloud_event.tracestate,
    )


def _created(notification_id: UUID, announcement: Announcement) -> NotificationCreated:
    return NotificationCreated(
        notification_id=notification_id,
        user_id=announcement.user_id,
        topic=announcement.notice.topic,
        title=announcement.notice.title,
    )


def _columns(rows: Sequence[tuple[object, ...]]) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)]
