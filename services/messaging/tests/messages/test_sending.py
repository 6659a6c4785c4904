"""Sending messages: known and unknown outcomes, reports in any order, crashes between the steps."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from services.messaging.tests.conftest import Built, ScriptedProvider, run_jobs, statuses, used

from common import clock
from common.clock import FixedClock
from common.contracts.messaging import MessageDelivered, MessageFailed, MessageSent
from common.ids import new_id
from common.persistence.database import Database
from common.testing import facts
from messaging.messages.domain import (
    OUTCOME_UNKNOWN,
    RETRY_SECONDS,
    Accepted,
    OutboundMessage,
    Rejected,
    Report,
    ReportedStatus,
    Unknown,
)
from messaging.messages.store import claim_due
from messaging.messages.usecases.apply_reports import apply_reports
from messaging.messages.usecases.queue_messages import send_text

LEASE = timedelta(minutes=1)


@pytest.fixture
def time() -> Iterator[FixedClock]:
    with clock.use(FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))) as fixed:
        yield fixed


async def queue(database: Database, user_id: UUID, recipient: str = "+255712345678") -> UUID:
    async with database.begin() as tx:
        return await send_text(
            tx, user_id, recipient=recipient, text="Hello", channel="sms", client_ref=None, limit=1000
        )


async def report(database: Database, message_id: UUID, *reported: ReportedStatus) -> None:
    async with database.begin() as tx:
        await apply_reports(tx, [Report(message_id, status, clock.now()) for status in reported])


async def test_an_unknown_outcome_is_retried_under_the_same_key_and_sent_once(
    built: Built, database: Database, time: FixedClock
) -> None:
    provider = ScriptedProvider([TimeoutError("no answer"), Unknown(), Accepted("wire-1")])
    service = await built(provider)
    message_id = await queue(database, new_id())

    for pause in (0, *RETRY_SECONDS[:2]):
        time.advance(timedelta(seconds=pause))
        await run_jobs(service)

    assert [call.attempt for call in provider.calls] == [1, 2, 3]
    assert provider.delivered == {message_id}
    assert await statuses(database) == ["sent"]
    assert len(await facts(database, MessageSent)) == 1


async def test_a_message_whose_outcome_stays_unknown_fails_and_stays_charged(
    built: Built, database: Database, time: FixedClock
) -> None:
    user = new_id()
    service = await built(ScriptedProvider([Unknown()] * 20))
    await queue(database, user)

    for pause in (0, *RETRY_SECONDS):
        time.advance(timedelta(seconds=pause))
        await run_jobs(service)

    assert [fact.code for fact in await facts(database, MessageFailed)] == [OUTCOME_UNKNOWN]
    assert await used(database, user) == 1


async def test_a_crash_between_sending_and_recording_delivers_the_message_once(
    built: Built, database: Database, time: FixedClock
) -> None:
    provider = ScriptedProvider()
    service = await built(provider)
    await queue(database, new_id())
    async with database.begin() as tx:
        [claimed] = await claim_due(tx, 64, clock.now(), LEASE)
    await provider.send(claimed)

    assert await run_jobs(service) == 0, "the lease has not expired"
    time.advance(LEASE)
    await run_jobs(service)

    assert len(provider.calls) == 2
    assert len(provider.delivered) == 1
    assert await statuses(database) == ["sent"]


async def test_two_workers_never_send_the_same_message(database: Database) -> None:
    user = new_id()
    for _ in range(20):
        await queue(database, user)
    async with database.begin() as one, database.begin() as other:
        first = await claim_due(one, 12, clock.now(), LEASE)
        second = await claim_due(other, 12, clock.now(), LEASE)

    assert len(first) == 12
    assert len(second) == 8
    assert not {message.id for message in first} & {message.id for message in second}


async def test_a_rejected_message_fails_and_is_refunded_to_the_quota(
    built: Built, database: Database, time: FixedClock
) -> None:
    user = new_id()
    service = await built(ScriptedProvider([Rejected("blocked", "The recipient blocked us")]))
    await queue(database, user)
    await queue(database, user)
    await run_jobs(service)

    assert sorted(await statuses(database)) == ["failed", "sent"]
    assert await used(database, user) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(("sent", "delivered", "read"))))
async def test_reports_in_any_order_and_twice_end_at_the_furthest(
    database: Database, time: FixedClock, order: tuple[ReportedStatus, ...]
) -> None:
    message_id = await queue(database, new_id())
    for reported in (*order, *order):
        await report(database, message_id, reported)

    assert await statuses(database) == ["read"]
    assert len(await facts(database, MessageSent)) == 1
    assert len(await facts(database, MessageDelivered)) == 1


async def test_a_report_that_arrives_before_the_outcome_of_the_call_is_not_undone_by_it(
    built: Built, database: Database, time: FixedClock
) -> None:
    """A device may acknowledge a message before the provider's response is read."""
    message_id = await queue(database, new_id())

    class ReportsFirst(ScriptedProvider):
        async def send(self, message: OutboundMessage) -> Accepted:
            await report(database, message.id, "delivered")
            return Accepted("wire-1")

    await run_jobs(await built(ReportsFirst()))

    assert await statuses(database) == ["delivered"]
    assert [fact.message_id for fact in await facts(database, MessageSent)] == [message_id]


@pytest.mark.parametrize(
    ("before", "after"), [("queued", "failed"), ("sent", "failed"), ("delivered", "delivered"), ("read", "read")]
)
async def test_a_message_fails_only_before_it_is_delivered(
    database: Database, time: FixedClock, before: str, after: str
) -> None:
    message_id = await queue(database, new_id())
    if before in ("sent", "delivered", "read"):
        await report(database, message_id, before)  # type: ignore[arg-type]
    await report(database, message_id, "failed")

    assert await statuses(database) == [after]


async def test_nothing_follows_a_failure(database: Database, time: FixedClock) -> None:
    message_id = await queue(database, new_id())
    await report(database, message_id, "failed")
    await report(database, message_id, "sent", "delivered", "read")

    assert await statuses(database) == ["failed"]
    assert await facts(database, MessageDelivered) == []


async def test_a_report_about_an_unknown_message_changes_nothing(database: Database) -> None:
    await queue(database, new_id())
    await report(database, new_id(), "delivered")

    assert await statuses(database) == ["queued"]


@pytest.mark.parametrize(
    ("recipient", "ends"),
    [
        ("+255712340000", "failed"),
        ("+255712340001", "delivered"),
        ("+255712340002", "failed"),
        ("+255712340003", "read"),
        ("+255712349999", "delivered"),
    ],
)
async def test_the_sandbox_decides_by_the_last_digits(
    built: Built, database: Database, time: FixedClock, recipient: str, ends: str
) -> None:
    service = await built()
    await queue(database, new_id(), recipient)
    await run_jobs(service)
    time.advance(timedelta(seconds=RETRY_SECONDS[0]))
    await run_jobs(service)

    assert await statuses(database) == [ends]


async def test_a_provider_without_a_report_is_polled_at_growing_intervals(
    built: Built, database: Database, time: FixedClock
) -> None:
    provider = ScriptedProvider()
    service = await built(provider)
    message_id = await queue(database, new_id())
    await run_jobs(service)
    provider.pending_reports = [Report(message_id, "delivered", time.now())]

    assert await run_jobs(service) == 0, "it was polled a moment ago"
    time.advance(timedelta(seconds=5))
    await run_jobs(service)
    assert await statuses(database) == ["delivered"]
