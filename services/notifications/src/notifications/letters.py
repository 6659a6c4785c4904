"""From a mail's data to the letter that leaves: subject, text and HTML from Jinja templates.

A template is three files in `templates/<language>/`: `<name>.subject.txt`, `<name>.txt` and `<name>.html`. A language
that lacks one falls back to English.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime, formataddr, parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, select_autoescape

from common.security.encryption import CannotUnsealError, Seal
from notifications.domain.amounts import amount_spoken
from notifications.domain.mail import Mail
from notifications.mime import alternatives, checked_address

FALLBACK = "en"
LONGEST_SUBJECT = 200
PARTS = ("subject.txt", "txt", "html")

# Languages are what people state: those that nobody wrote templates for must not fill the memory.
MOST_LOADED = 256


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
    """Writes letters from `sender`, an address with or without a display name. Safe to use from several threads.

    `seal` opens what only the letter's reader may see.
    """

    def __init__(self, sender: str, seal: Seal) -> None:
        self._seal = seal
        name, address = parseaddr(sender)
        self._from = formataddr((name, checked_address(address)))
        self._sender = address
        self._domain = address.rpartition("@")[2]
        loader = FileSystemLoader(Path(__file__).parent / "templates")
        self._templates = Environment(
            loader=loader, autoescape=select_autoescape(["html"]), undefined=StrictUndefined, auto_reload=False
        )
        self._templates.filters["money"] = _money
        self._parts = lru_cache(MOST_LOADED)(self._load)

    def write(self, mail: Mail) -> Letter:
        """Raises UnwritableError."""
        try:
            content = self._message(mail)
        except (TemplateError, CannotUnsealError, ValueError, TypeError, LookupError) as error:
            raise UnwritableError(f"{type(error).__name__}: {error}") from error
        return Letter(mail.id, mail.created_at, self._sender, mail.recipient, content)

    def _message(self, mail: Mail) -> bytes:
        known = {**mail.data, **self._opened(mail), "first_name": mail.first_name}
        subject, text, html = [part.render(known) for part in self._parts(_base(mail.language), mail.template)]
        headers = {
            "Subject": one_line(subject),
            "From": self._from,
            "To": checked_address(mail.recipient),
            "Date": format_datetime(mail.created_at),
            # The same at every attempt, so that a mail sent again after a crash shows as the same one.
            "Message-ID": f"<{mail.id}@{self._domain}>",
            "Auto-Submitted": "auto-generated",
        }
        return alternatives(headers, text, html, boundary=f"=_{mail.id.hex}")

    def _opened(self, mail: Mail) -> Mapping[str, Any]:
        sealed = mail.data.get("sealed")
        return self._seal.open(sealed, f"{mail.template}/{mail.user_id}") if sealed else {}

    def _load(self, language: str, template: str) -> list[Template]:
        """Subject, text and HTML."""
        return [
            self._templates.select_template([f"{choice}/{template}.{part}" for choice in (language, FALLBACK)])
            for part in PARTS
        ]


def one_line(text: str) -> str:
    """What a header may hold: no line breaks or other control characters, and not too long."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:LONGEST_SUBJECT]


def _base(language: str) -> str:
    """`sw` of `sw-TZ`; anything that is no language code stays out of file names."""
    code = language.split("-", 1)[0].lower()
    return code if code.isascii() and code.isalpha() else FALLBACK


def _money(value: Mapping[str, Any]) -> str:
    return amount_spoken(value["amount"], value["currency"])
