"""Write down what providers said about payments."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from billing.domain.outcomes import Outcome
from billing.domain.payment import receive
from billing.usecases.load_payments import Held, lock_payments
from billing.usecases.store_changes import store_changes
from common.persistence.transaction import Transaction


async def record_outcomes(tx: Transaction, reports: Sequence[tuple[UUID, Outcome]], now: datetime) -> None:
    """Apply reports, several about one payment in the order given, all in one transaction."""
    held = {h.payment.id: h for h in await lock_payments(tx, [payment_id for payment_id, _ in reports])}
    for wave in _waves(reports):
        changes = [
            (receive(held[payment_id].payment, outcome, now), payment_id) for payment_id, outcome in wave.items()
        ]
        await store_changes(tx, [(change, held[payment_id].origin) for change, payment_id in changes], now)
        held |= {payment_id: Held(change.payment, held[payment_id].origin) for change, payment_id in changes}


def _waves(reports: Sequence[tuple[UUID, Outcome]]) -> list[dict[UUID, Outcome]]:
    """Cut the reports so that no wave holds two about one payment."""
    waves: list[dict[UUID, Outcome]] = []
    for payment_id, outcome in reports:
        wave = next((wave for wave in waves if payment_id not in wave), None)
        if wave is None:
            waves.append(wave := {})
        wave[payment_id] = outcome
    return waves
