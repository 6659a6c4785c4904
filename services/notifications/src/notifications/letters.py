"""From a mail's data to the letter that leaves: subject, text and HTML from Jinja templates.

A template is three files in `templates/<language>/`: `<name>.subject.txt`, `<name>.txt` and `<name>.html`. A language
that lacks one falls back to English.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr, parseaddr
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from common.money import Money
from notifications.domain.amounts import spoken
from notifications.domain.mail import Mail

FALLBACK = "en"
LONGEST_SUBJECT = 200

# The older classes and policy of the standard library: writing a letter with them takes a quarter of the time.
POLICY = compat32.clone(linesep="\r\n")


class UnwritableError(Exception):
    """The mail can never be written: its data, its template or its recipient's address is wrong."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A written mail: `content` is its headers and parts. `id` and `created_at` are the mail's own."""

    id: UUID
    created_at: datetime
    sender: str
    recipient: str
    content: bytes


class Writer:
    """Writes letters from `sender`, an address with or without a display name. Safe to use from several threads."""

    def __init__(self, sender: str) -> None:
        name, address = parseaddr(sender)
        self._from = formataddr((name, _checked(address)))
        self._sender = address
        self._domain = address.rpartition("@")[2]
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = Environment(
            loader=loader, autoescape=select_autoescape(["html"]), undefined=StrictUndefined, auto_reload=False
        )
        self._templates.filters["money"] = _money

    def write(self, mail: Mail) -> Letter:
        """Raises UnwritableError."""
        try:
            content = self._message(mail).as_bytes()
        except (TemplateError, ValueError, IndexError) as error:
            raise UnwritableError(f"{type(error).__name__}: {error}") from error
        return Letter(mail.id, mail.created_at, self._sender, mail.recipient, content)

    def _message(self, mail: Mail) -> MIMEMultipart:
        message = MIMEMultipart("alternative", policy=POLICY)
        message["Subject"] = one_line(self._render(mail, "subject.txt"))
        message["From"] = self._from
        message["To"] = _checked(mail.recipient)
        message["Date"] = format_datetime(mail.created_at)
        # The same at every attempt, so that a mail sent again after a crash shows as the same one.
        message["Message-ID"] = f"<{mail.id}@{self._domain}>"
        message["Auto-Submitted"] = "auto-generated"
        message.attach(MIMEText(self._render(mail, "txt"), "plain", "utf-8", policy=POLICY))
        message.attach(MIMEText(self._render(mail, "html"), "html", "utf-8", policy=POLICY))
        return message

    def _render(self, mail: Mail, part: str) -> str:
        choices = [f"{language}/{mail.template}.{part}" for language in (_base(mail.language), FALLBACK)]
        return self._templates.select_template(choices).render(mail.data, first_name=mail.first_name)


def _checked(address: str) -> str:
    """The address if it is exactly one and in ASCII; ValueError or IndexError otherwise."""
    parsed = Address(addr_spec=address)
    if not (address.isascii() and parsed.username and parsed.domain):
        raise ValueError(f"{address!r} is no address that mail can go to")
    return parsed.addr_spec


def one_line(text: str) -> str:
    """What a header may hold: no line breaks or other control characters, and not too long."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:LONGEST_SUBJECT]


def _base(language: str) -> str:
    """`sw` of `sw-TZ`; anything that is no language code stays out of file names."""
    code = language.split("-", 1)[0].lower()
    return code if code.isascii() and code.isalpha() else FALLBACK


def _money(value: Mapping[str, Any]) -> str:
    return spoken(Money.model_validate(value))
