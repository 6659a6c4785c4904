"""Sending e-mails: a real SMTP server that accepts, defers and rejects; a local folder; crashes in between."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from services.notifications.tests.conftest import Built, Emails, email_states, part, registered, run_jobs

from common import clock
from common.clock import FixedClock
from common.contracts.auth import PasswordResetRequested
from common.contracts.notifications import EmailFailed, EmailSent
from common.ids import new_id
from common.persistence.database import Database
from common.security.encryption import LOCAL_SECRET, Seal
from common.testing import cloud_event_of, deliver, facts
from common.web.service import Service
from notifications.emails.domain import MAX_ATTEMPTS, RETRY_SECONDS
from notifications.emails.jobs import EmailCalls
from notifications.emails.store import claim_due
from notifications.settings import Settings


@dataclass
class MailServer:
    """Answers DATA with `replies` in turn, then accepts everything."""

    port: int = 0
    replies: list[str] = field(default_factory=list)
    recipient_reply: str = "250 OK"
    accepted: list[tuple[str, bytes]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.recipient_reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.accepted.append((envelope.rcpt_tos[0], envelope.content))
        return reply

    @property
    def message_ids(self) -> list[str]:
        return [message_from_bytes(content)["Message-ID"] for _, content in self.accepted]


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    handler = MailServer()
    listening = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    handler.port = listening.sockets[0].getsockname()[1]
    yield handler
    listening.close()


@pytest.fixture
def smtp(built: Built, server: MailServer) -> Service:
    """The service that sends over the mail server."""
    return built(**settings_for(server))


def settings_for(server: MailServer, **changes: Any) -> dict[str, Any]:
    standard = {"mail_backend": "smtp", "smtp_host": "127.0.0.1", "smtp_port": server.port, "smtp_security": "none"}
    return standard | changes


async def test_a_mail_server_gets_the_email_for_its_recipient(
    smtp: Service, server: MailServer, database: Database
) -> None:
    await deliver(smtp, registered(new_id()))
    await run_jobs(smtp)

    [(recipient, content)] = server.accepted
    email = message_from_bytes(content)
    assert recipient == "asha@example.com"
    assert [piece.get_content_type() for piece in email.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert len(await facts(database, EmailSent)) == 1


async def test_a_mail_server_gets_an_internationalised_domain_in_ascii(
    smtp: Service, server: MailServer, database: Database
) -> None:
    await deliver(smtp, registered(new_id(), "asha@bücher.example"))
    await run_jobs(smtp)

    assert [recipient for recipient, _ in server.accepted] == ["asha@xn--bcher-kva.example"]
    assert await email_states(database) == ["welcome sent"]


async def test_a_deferred_email_is_tried_again_after_a_pause(
    smtp: Service, server: MailServer, database: Database, time: FixedClock
) -> None:
    server.replies = ["451 Try again later"]
    await deliver(smtp, registered(new_id()))
    await run_jobs(smtp)
    assert await email_states(database) == ["welcome queued"]

    time.advance(timedelta(seconds=RETRY_SECONDS[0] - 1))
    assert await run_jobs(smtp) == 0
    time.advance(timedelta(seconds=1))
    await run_jobs(smtp)

    assert await email_states(database) == ["welcome sent"]
    assert len(server.accepted) == 1
    assert await facts(database, EmailFailed) == []


async def test_an_expired_code_is_not_sent(
    smtp: Service, server: MailServer, database: Database, time: FixedClock
) -> None:
    user_id = new_id()
    sealed = Seal(LOCAL_SECRET).close({"code": "123456", "link": "https://shop.example"}, f"reset_password/{user_id}")
    person = registered(user_id)
    requested = PasswordResetRequested(
        **person.model_dump(), sealed=sealed, expires_at=time.now() + timedelta(seconds=RETRY_SECONDS[0])
    )
    await deliver(smtp, person)
    await run_jobs(smtp)
    server.replies = ["451 Try again later"]
    await deliver(smtp, requested)
    await run_jobs(smtp)
    time.advance(timedelta(seconds=RETRY_SECONDS[0]))
    await run_jobs(smtp)

    assert [recipient for recipient, _ in server.accepted] == ["asha@example.com"], "the welcome only"
    assert await email_states(database) == ["welcome sent", "reset_password failed"]
    async with database.begin() as tx:
        assert await tx.sql.fetchval("SELECT count(*) FROM email WHERE data ? 'sealed'") == 0


@pytest.mark.parametrize("where", ["data", "recipient"])
async def test_a_rejected_email_fails_at_once(
    smtp: Service, server: MailServer, database: Database, where: str
) -> None:
    if where == "data":
        server.replies = ["554 No, thank you"]
    else:
        server.recipient_reply = "550 Nobody here by that name"
    await deliver(smtp, registered(new_id()))
    await run_jobs(smtp)

    [failed] = await facts(database, EmailFailed)
    assert failed.reason.startswith(("554 No, thank you", "550 Nobody here by that name"))
    assert server.accepted == []


async def test_an_email_fails_after_its_last_attempt(
    smtp: Service, server: MailServer, database: Database, time: FixedClock
) -> None:
    server.replies = ["451 Try again later"] * MAX_ATTEMPTS
    await deliver(smtp, registered(new_id()))
    for pause in (0, *RETRY_SECONDS):
        time.advance(timedelta(seconds=pause))
        await run_jobs(smtp)

    assert server.replies == []
    [failed] = await facts(database, EmailFailed)
    assert failed.reason == "no attempt is left: 451 Try again later"


async def test_an_unreachable_server_defers_the_email(built: Built, server: MailServer, database: Database) -> None:
    service = built(**settings_for(server, smtp_host="127.0.0.1", smtp_port=1))
    await deliver(service, registered(new_id()))
    await run_jobs(service)

    assert await email_states(database) == ["welcome queued"]


async def test_a_server_without_starttls_gets_no_email_in_plain_text(
    built: Built, server: MailServer, database: Database
) -> None:
    service = built(**settings_for(server, smtp_security="starttls"))
    await deliver(service, registered(new_id()))
    await run_jobs(service)

    assert server.accepted == []
    assert await email_states(database) == ["welcome queued"]


async def test_a_server_that_hangs_is_abandoned_after_the_timeout(built: Built, database: Database) -> None:
    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hung.wait()
        writer.close()

    hung = asyncio.Event()
    silent = await asyncio.start_server(hang, "127.0.0.1", 0)
    mute = MailServer(port=silent.sockets[0].getsockname()[1])
    service = built(**settings_for(mute, smtp_timeout=0.2))
    await deliver(service, registered(new_id()))
    await run_jobs(service)
    hung.set()
    silent.close()

    assert await email_states(database) == ["welcome queued"]


async def test_a_crash_between_sending_and_recording_sends_again_under_the_same_message_id(
    smtp: Service, server: MailServer, database: Database, time: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliver(smtp, registered(new_id()))
    with monkeypatch.context() as crash:
        crash.setattr(EmailCalls, "record", _crash)
        await run_jobs(smtp)
    assert await email_states(database) == ["welcome sending"]
    assert await run_jobs(smtp) == 0, "the lease has not expired"

    time.advance(timedelta(minutes=10))
    await run_jobs(smtp)
    assert await email_states(database) == ["welcome sent"]
    assert len(server.message_ids) == 2
    assert len(set(server.message_ids)) == 1
    assert len(await facts(database, EmailSent)) == 1


async def _crash(*_: object) -> None:
    raise ConnectionResetError("killed between sending and recording")


async def test_an_email_that_is_sent_again_has_the_same_message_id(
    service: Service, emails: Emails, time: FixedClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await deliver(service, registered(new_id()))
    with monkeypatch.context() as crash:
        crash.setattr(EmailCalls, "record", _crash)
        await run_jobs(service)
    time.advance(timedelta(minutes=10))
    await run_jobs(service)

    assert len({email["Message-ID"] for email in emails()}) == 1
    assert {file.suffix for file in (tmp_path / "mail").iterdir()} == {".mbox"}


async def test_an_event_that_the_inbox_has_forgotten_sends_no_second_email(
    service: Service, emails: Emails, database: Database
) -> None:
    event = cloud_event_of(registered(new_id()))
    await deliver(service, event)
    await run_jobs(service)
    async with database.begin() as tx:
        assert await tx.sql.execute("DELETE FROM inbox WHERE consumer LIKE 'notifications.%'") != "DELETE 0"
    await deliver(service, event)
    await run_jobs(service)

    assert len(emails()) == 1
    async with database.begin() as tx:
        assert [tuple(row) for row in await tx.sql.fetch("SELECT state, attempts FROM email")] == [("sent", 1)]


async def test_files_in_the_mailbox_sort_by_time(service: Service, emails: Emails, time: FixedClock) -> None:
    for name in ("First", "Second", "Third"):
        await deliver(service, registered(new_id(), first_name=name))
        time.advance(timedelta(seconds=1))
    await run_jobs(service)

    greetings = [part(email, "plain").splitlines()[0] for email in emails()]
    assert greetings == ["Hello First,", "Hello Second,", "Hello Third,"]


async def test_an_unwritable_mailbox_defers_the_email(built: Built, database: Database, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    service = built(data_dir=str(tmp_path / "taken"))
    await deliver(service, registered(new_id()))
    await run_jobs(service)

    assert await email_states(database) == ["welcome queued"]


async def test_an_email_that_cannot_be_rendered_does_not_stop_others(service: Service, database: Database) -> None:
    await deliver(service, *[registered(new_id(), email=e) for e in ("a@b.example", "nobody", "c@d.example")])
    await run_jobs(service)

    assert await email_states(database) == ["welcome sent", "welcome failed", "welcome sent"]


async def test_emails_of_one_file_are_told_apart_whatever_they_contain(
    service: Service, emails: Emails, database: Database
) -> None:
    await deliver(service, *[registered(new_id(), first_name=name) for name in ("\nFrom me\nFrom you ", "Asha")])
    await run_jobs(service)

    assert len(emails()) == 2
    assert part(emails()[1], "plain").splitlines()[0] == "Hello Asha,"


async def test_two_workers_never_send_the_same_email(service: Service, database: Database) -> None:
    await deliver(service, *[registered(new_id()) for _ in range(20)])
    now, lease = clock.now(), timedelta(minutes=1)
    async with database.begin() as one, database.begin() as other:
        first, second = await claim_due(one, 12, now, lease), await claim_due(other, 12, now, lease)

    assert (len(first), len(second)) == (12, 8)
    assert not {email.id for email in first} & {email.id for email in second}


def test_smtp_without_a_host_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="DUKAN_MAIL_BACKEND=smtp needs DUKAN_SMTP_HOST"):
        Settings.model_validate({"mail_backend": "smtp"})
