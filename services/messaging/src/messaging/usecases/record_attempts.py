"""Write down what became of claimed messages."""

from collections.abc import Sequence
from datetime import datetime

from common import clock
from common.persistence.transaction import Transaction
from messaging.domain.delivery import OUTCOME_UNKNOWN, Report, pause_after
from messaging.providers.channel import Accepted, Outcome, Outgoing, Refused
from messaging.usecases.apply_reports import apply_reports

NEVER_SAID = "The provider never said whether it was sent"

# Not its status: it may have been sent, so it stays `sending` until somebody knows.
POSTPONE = """
UPDATE message SET due_at = fresh.due_at
FROM unnest($1::uuid[], $2::int[], $3::timestamptz[]) AS fresh (id, attempt, due_at)
WHERE message.id = fresh.id AND message.status = 'sending' AND message.attempts = fresh.attempt
"""


async def record_attempts(tx: Transaction, attempts: Sequence[tuple[Outgoing, Outcome]]) -> None:
    """Known outcomes are reports; a message without one is tried again under the same key, or given up at last."""
    now = clock.now()
    reports: list[Report] = []
    later: list[tuple[object, ...]] = []
    for message, outcome in attempts:
        pause = pause_after(message.attempt)
        if (report := _report(message, outcome, now)) is not None:
            reports.append(report)
        elif pause is not None:
            later.append((message.id, message.attempt, now + pause))
        else:
            reports.append(
                Report(message.id, "failed", now, code=OUTCOME_UNKNOWN, detail="The provider never answered")
            )
    await apply_reports(tx, reports)
    if later:
        await tx.sql.execute(POSTPONE, *(list(column) for column in zip(*later, strict=True)))


def _report(message: Outgoing, outcome: Outcome, now: datetime) -> Report | None:
    match outcome:
        case Accepted(provider_id):
            return Report(message.id, "sent", now, provider_id=provider_id)
        case Refused(code, detail):
            return Report(message.id, "failed", now, code=code, detail=detail)
    return None
