"""A notifications service on a database of its own, with a mailbox in a temporary folder."""

import mailbox
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.clock import FixedClock
from common.contracts.auth import UserRegistered
from common.contracts.orders import OrderConfirmed, OrderLine
from common.ids import new_id
from common.money import Money
from common.outbound import OutboundWorker
from common.persistence.database import Database
from common.testing.plugin import FreshDatabase
from common.web.service import Service
from notifications.app import build
from notifications.settings import Settings

Built = Callable[..., Service]
Emails = Callable[[], list[EmailMessage]]


@pytest.fixture
async def database(fresh_database: FreshDatabase) -> Database:
    return await fresh_database("notifications")


@pytest.fixture
def built(database: Database, tmp_path: Path) -> Built:
    """`built(mail_backend="smtp", …)`: the service with these settings."""

    def build_with(**settings: Any) -> Service:
        return build(Settings.model_validate({"database_url": database.url, "data_dir": str(tmp_path)} | settings))

    return build_with


@pytest.fixture
def service(built: Built) -> Service:
    """The service with the local mailbox."""
    return built()


@pytest.fixture
def emails(tmp_path: Path) -> Emails:
    """The e-mails in the mailbox, oldest first."""

    def read() -> list[EmailMessage]:
        boxes = [mailbox.mbox(file, create=False) for file in sorted((tmp_path / "mail").glob("*.mbox"))]
        return [
            message_from_bytes(box.get_bytes(key), policy=policy.default) for box in boxes for key in box.iterkeys()
        ]

    return read


@pytest.fixture
def time() -> Iterator[FixedClock]:
    with clock.use(FixedClock(datetime(2026, 3, 1, 12, tzinfo=UTC))) as fixed:
        yield fixed


async def run_jobs(service: Service) -> int:
    """Run every job until none has work and no call is in flight; how many items they processed."""
    workers = [resource for resource in service.resources if isinstance(resource, OutboundWorker)]
    processed = 0
    while True:
        count = sum([await job.run() or 0 for job in service.jobs])
        if not count and not any(worker.in_flight for worker in workers):
            return processed
        processed += count
        for worker in workers:
            await worker.join()


async def email_states(database: Database) -> list[str]:
    """The template and state of all e-mails, oldest first."""
    async with database.begin() as tx:
        return [f"{r['template']} {r['state']}" for r in await tx.sql.fetch("SELECT * FROM email ORDER BY id")]


def registered(user_id: UUID, email: str = "asha@example.com", first_name: str = "Asha") -> UserRegistered:
    return UserRegistered(user_id=user_id, email=email, first_name=first_name)


def confirmed(customer_id: UUID, number: str = "1001", title: str = "Mug") -> OrderConfirmed:
    price = Money(amount=125000, currency="TZS")
    line = OrderLine(product_id=new_id(), title=title, quantity=2, unit_price=price)
    return OrderConfirmed(
        order_id=new_id(), number=number, customer_id=customer_id, payment_id=new_id(), lines=(line,), total=price * 2
    )


def part(email: EmailMessage, kind: str) -> str:
    """The `plain` or `html` part of an e-mail."""
    body = email.get_body(preferencelist=(kind,))
    assert body is not None
    return str(body.get_content())
