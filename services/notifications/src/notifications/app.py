"""Composition root."""

from pathlib import Path

from common.jobs import Job
from common.persistence.database import Database
from common.security.encryption import Seal
from common.web.service import Service
from notifications.api import emails, notifications
from notifications.jobs import Postman
from notifications.letters import Writer
from notifications.providers.mailbox import Mailbox
from notifications.providers.post import Post
from notifications.providers.smtp import Server, Smtp
from notifications.settings import Settings
from notifications.subscribers import Subscribers

MAIL_EVERY = 2.0


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    postman = Postman(database, _writer(settings), _post(settings))
    mail = Job("mail", MAIL_EVERY, postman.send_due)
    return Service(
        name="notifications",
        settings=settings,
        database=database,
        routers=[notifications.router, emails.router],
        subscribers=[Subscribers(mail.wake)],
        jobs=[mail],
    )


def _writer(settings: Settings) -> Writer:
    return Writer(settings.mail_from, Seal(settings.mail_secret.get_secret_value()))


def _post(settings: Settings) -> Post:
    if settings.mail_backend == "mailbox":
        return Mailbox(Path(settings.data_dir) / "mail")
    return Smtp(
        Server(
            host=settings.smtp_host,
            port=settings.smtp_port,
            user=settings.smtp_user,
            password=settings.smtp_password.get_secret_value(),
            security=settings.smtp_security,
            timeout=settings.smtp_timeout,
        )
    )
