"""Mail on its way: a real SMTP server that takes, defers and refuses; a local folder; crashes in between."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from common.clock import FixedClock
from common.contracts.auth import PasswordResetRequested
from common.contracts.notifications import EmailFailed, EmailSent
from common.ids import new_id
from common.persistence.database import Database
from common.security.encryption import LOCAL_SECRET, Seal
from common.testing import deliver, facts
from common.web.service import Service
from notifications.domain.mail import MOST_ATTEMPTS, PAUSES
from notifications.settings import Settings
from notifications.usecases.claim_mail import claim_mail

from .conftest import Built, Letters, mail_states, part, registered, run_jobs


@dataclass
class MailServer:
    """Answers DATA with `replies` in turn, then takes everything."""

    port: int = 0
    replies: list[str] = field(default_factory=list)
    recipient_reply: str = "250 OK"
    taken: list[tuple[str, bytes]] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 (aiosmtpd's name)
        self, server: SMTP, session: Session, cloud_event: Envelope, address: str, options: list[str]
    ) -> str:
        cloud_event.rcpt_tos.append(address)
        return self.recipient_reply

    async def handle_DATA(self, server: SMTP, session: Session, cloud_event: Envelope) -> str:  # noqa: N802
        reply = self.replies.pop(0) if self.replies else "250 OK"
        if reply.startswith("250"):
            assert isinstance(cloud_event.content, bytes)
            self.taken.append((cloud_event.rcpt_tos[0], cloud_event.content))
        return reply

    @property
    def message_ids(self) -> list[str]:
        return [message_from_bytes(content)["Message-ID"] for _, content in self.taken]


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


async def test_a_mail_server_gets_the_letter_for_its_recipient(
    smtp: Service, server: MailServer, database: Database
) -> None:
    await deliver(smtp, registered(new_id()))
    await run_jobs(smtp)

    [(recipient, content)] = server.taken
    letter = message_from_bytes(content)
    assert recipient == "asha@example.com"
    assert [piece.get_content_type() for piece in letter.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert len(await facts(database, EmailSent)) == 1


async def test_a_deferred_mail_is_tried_again_when_its_pause_is_over(
    smtp: Service, server: MailServer, database: Database, time: FixedClock
) -> None:
    server.replies = ["451 Try again later"]
    await deliver(smtp, registered(new_id()))
    await run_jobs(smtp)
    assert await mail_states(database) == ["welcome queued"]

    time.advance(timedelta(seconds=PAUSES[0] - 1))
    assert await run_jobs(smtp) == 0
    time.advance(timedelta(seconds=1))
    await run_jobs(smtp)

    assert await mail_states(database) == ["welcome sent"]
    assert len(server.taken) == 1
    assert await facts(database, EmailFailed) == []


async def test_a_code_that_has_expired_is_not_sent_any_more(
    smtp: Service, server: MailServer, database: Database, time: FixedClock
) -> None:
    user_id = new_id()
    sealed = Seal(LOCAL_SECRET).close({"code": "123456", "link": "https://shop.example"}, f"reset_password/{user_id}")
    known = registered(user_id)
    asked = PasswordResetRequested(
        **known.model_dump(), sealed=sealed, expires_at=time.now() + timedelta(seconds=PAUSES[0])
    )
    await deliver(smtp, known)
    await run_jobs(smtp)
    server.replies = ["451 Try again later"]
    await deliver(smtp, asked)
    await run_jobs(smtp)
    time.advance(timedelta(seconds=PAUSES[0]))
    await run_jobs(smtp)

    assert [recipient for recipient, _ in server.taken] == ["asha@example.com"], "the welcome only"
    assert await mail_states(database) == ["welcome sent", "reset_password failed"]
    async with database.begin() as tx:
        assert await tx.sql.fetchval("SELECT count(*) FROM email WHERE data ? 'sealed'") == 0


@pytest.mark.parametrize("where", ["data", "recipient"])
async def test_a_refused_mail_fails_at_once(smtp: Service, server: MailServer, database: Database, where: str) -> None:
    if where == "data":
        server.replies = ["554 No, thank you"]
    else:
        server.recipient_reply = "550 Nobody here by that name"
    await deliver(smtp, registered(new_id()))
    await run_jobs(smtp)

    [failed] = await facts(database, EmailFailed)
    assert failed.reason.startswith(("554 No, thank you", "550 Nobody here by that name"))
    assert server.taken == []


async def test_a_server_that_never_takes_a_mail_is_given_up_in_the_end(
    smtp: Service, server: MailServer, database: Database, time: FixedClock
) -> None:
    server.replies = ["451 Try again later"] * MOST_ATTEMPTS
    await deliver(smtp, registered(new_id()))
    for pause in (0, *PAUSES):
        time.advance(timedelta(seconds=pause))
        await run_jobs(smtp)

    assert server.replies == []
    [failed] = await facts(database, EmailFailed)
    assert failed.reason == "no attempt is left: 451 Try again later"


async def test_an_unreachable_server_defers(built: Built, server: MailServer, database: Database) -> None:
    service = built(**settings_for(server, smtp_host="127.0.0.1", smtp_port=1))
    await deliver(service, registered(new_id()))
    await run_jobs(service)

    assert await mail_states(database) == ["welcome queued"]


async def test_a_server_without_starttls_gets_no_mail_in_the_clear(
    built: Built, server: MailServer, database: Database
) -> None:
    service = built(**settings_for(server, smtp_security="starttls"))
    await deliver(service, registered(new_id()))
    await run_jobs(service)

    assert server.taken == []
    assert await mail_states(database) == ["welcome queued"]


async def test_a_server_that_hangs_is_left_when_the_time_is_up(built: Built, database: Database) -> None:
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

    assert await mail_states(database) == ["welcome queued"]


async def test_a_crash_between_sending_and_recording_sends_again_under_the_same_message_id(
    smtp: Service, server: MailServer, database: Database, time: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliver(smtp, registered(new_id()))
    with monkeypatch.context() as crash:
        crash.setattr("notifications.jobs.record_mail", _crash)
        with pytest.raises(ConnectionResetError):
            await run_jobs(smtp)
    assert await mail_states(database) == ["welcome sending"]
    assert await run_jobs(smtp) == 0, "the claim still holds"

    time.advance(timedelta(minutes=10))
    await run_jobs(smtp)
    assert await mail_states(database) == ["welcome sent"]
    assert len(server.message_ids) == 2
    assert len(set(server.message_ids)) == 1
    assert len(await facts(database, EmailSent)) == 1


async def _crash(*_: object) -> None:
    raise ConnectionResetError("killed between sending and recording")


async def test_a_letter_that_is_sent_again_says_that_it_is_the_same(
    service: Service, letters: Letters, time: FixedClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await deliver(service, registered(new_id()))
    with monkeypatch.context() as crash:
        crash.setattr("notifications.jobs.record_mail", _crash)
        with pytest.raises(ConnectionResetError):
            await run_jobs(service)
    time.advance(timedelta(minutes=10))
    await run_jobs(service)

    assert len({letter["Message-ID"] for letter in letters()}) == 1
    assert {file.suffix for file in (tmp_path / "mail").iterdir()} == {".mbox"}


async def test_letters_in_the_mailbox_sort_by_time(service: Service, letters: Letters, time: FixedClock) -> None:
    for name in ("First", "Second", "Third"):
        await deliver(service, registered(new_id(), first_name=name))
        time.advance(timedelta(seconds=1))
    await run_jobs(service)

    greetings = [part(letter, "plain").splitlines()[0] for letter in letters()]
    assert greetings == ["Hello First,", "Hello Second,", "Hello Third,"]


async def test_an_unwritable_mailbox_defers(built: Built, database: Database, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    service = built(data_dir=str(tmp_path / "taken"))
    await deliver(service, registered(new_id()))
    await run_jobs(service)

    assert await mail_states(database) == ["welcome queued"]


async def test_a_mail_that_cannot_be_written_holds_up_no_other(service: Service, database: Database) -> None:
    await deliver(service, *[registered(new_id(), email=e) for e in ("a@b.example", "nobody", "c@d.example")])
    await run_jobs(service)

    assert await mail_states(database) == ["welcome sent", "welcome failed", "welcome sent"]


async def test_letters_sent_together_are_told_apart_whatever_is_in_them(
    service: Service, letters: Letters, database: Database
) -> None:
    await deliver(service, *[registered(new_id(), first_name=name) for name in ("\nFrom me\nFrom you ", "Asha")])
    await run_jobs(service)

    assert len(letters()) == 2
    assert part(letters()[1], "plain").splitlines()[0] == "Hello Asha,"


async def test_two_workers_never_send_the_same_mail(service: Service, database: Database) -> None:
    await deliver(service, *[registered(new_id()) for _ in range(20)])
    lease = timedelta(minutes=1)
    async with database.begin() as one, database.begin() as other:
        first, second = await claim_mail(one, 12, lease), await claim_mail(other, 12, lease)

    assert (len(first), len(second)) == (12, 8)
    assert not {mail.id for mail in first} & {mail.id for mail in second}


def test_smtp_without_a_host_is_a_clear_error() -> None:
    with pytest.raises(ValueError, match="DUKAN_MAIL_BACKEND=smtp needs DUKAN_SMTP_HOST"):
        Settings.model_validate({"mail_backend": "smtp"})
