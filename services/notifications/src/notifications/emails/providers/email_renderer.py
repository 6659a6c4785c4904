"""Renders an e-mail: subject, text and HTML from Jinja templates, as a MIME message.

A template is three files in `templates/<language>/`: `<name>.subject.txt`, `<name>.txt` and `<name>.html`. A language
that lacks one uses English.
"""

from base64 import encodebytes
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address, BaseHeader, HeaderRegistry
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, select_autoescape

from common.money import format_amount
from common.people.emails import wire_address
from common.security.encryption import CannotUnsealError, Seal
from notifications.emails.domain import Email, RenderedEmail

TEMPLATES = Path(__file__).parent.parent / "templates"
FALLBACK_LANGUAGE = "en"
MAX_SUBJECT_LENGTH = 200
PARTS = ("subject.txt", "txt", "html")

MAX_LOADED_TEMPLATES = 256
"""People choose their language freely: languages without templates must not fill the memory."""


class _HeaderClasses(HeaderRegistry):
    """The standard registry makes a class for every header of every message: a third of a message's 0.5 ms."""

    def __init__(self) -> None:
        super().__init__()
        self._classes: dict[str, type[BaseHeader]] = {}

    def __getitem__(self, name: str) -> type[BaseHeader]:
        if name not in self._classes:
            self._classes[name] = super().__getitem__(name)
        return self._classes[name]


HEADERS = _HeaderClasses()
POLICY = SMTP.clone(header_factory=HEADERS)

# Headers that all messages share are parsed once: parsing one takes 30 to 80 µs. The boundary cannot occur in the
# parts, because they are base64, which has no "_".
MIME_VERSION = HEADERS("MIME-Version", "1.0")
ALTERNATIVE = HEADERS("Content-Type", 'multipart/alternative; boundary="=_alternative"')
PLAIN = HEADERS("Content-Type", 'text/plain; charset="utf-8"')
HTML = HEADERS("Content-Type", 'text/html; charset="utf-8"')
BASE64 = HEADERS("Content-Transfer-Encoding", "base64")
AUTO_GENERATED = HEADERS("Auto-Submitted", "auto-generated")


class RenderError(Exception):
    """The e-mail can never be rendered: its data, its template or its recipient's address is wrong."""


class EmailRenderer:
    """Renders e-mails from `sender`, an address with or without a display name. Safe to use from several threads.

    `seal` decrypts the data that only the recipient may see.
    """

    def __init__(self, sender: str, seal: Seal) -> None:
        self._seal = seal
        name, spec = parseaddr(sender)
        address = _address(wire_address(spec), name)
        self._from = HEADERS("From", address)
        self._sender = address.addr_spec
        self._domain = address.domain
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            auto_reload=False,
        )
        self._templates.filters["money"] = _money
        self._parts = lru_cache(MAX_LOADED_TEMPLATES)(self._load)

    def render(self, email: Email) -> RenderedEmail:
        """Raises RenderError."""
        try:
            recipient = wire_address(email.recipient)
            content = self._message(email, recipient).as_bytes()
        except (TemplateError, CannotUnsealError, MessageError, ValueError, TypeError, LookupError) as error:
            raise RenderError(f"{type(error).__name__}: {error}") from error
        return RenderedEmail(email.id, email.created_at, self._sender, recipient, content)

    def _message(self, email: Email, recipient: str) -> EmailMessage:
        values = {**email.data, **self._unseal(email), "first_name": email.first_name}
        subject, text, html = [part.render(values) for part in self._parts(_base(email.language), email.template)]
        message = EmailMessage(policy=POLICY)
        message["Subject"] = one_line(subject)
        message["From"] = self._from
        message["To"] = _address(recipient)
        message["Date"] = email.created_at
        # The same at every attempt, so that an e-mail that is sent again after a crash is recognised as the same one.
        message["Message-ID"] = f"<{email.id}@{self._domain}>"
        message["Auto-Submitted"] = AUTO_GENERATED
        message["MIME-Version"] = MIME_VERSION
        message["Content-Type"] = ALTERNATIVE
        message.set_payload([_part(PLAIN, text), _part(HTML, html)])
        return message

    def _unseal(self, email: Email) -> Mapping[str, Any]:
        sealed = email.data.get("sealed")
        return self._seal.open(sealed, f"{email.template}/{email.user_id}") if sealed else {}

    def _load(self, language: str, template: str) -> list[Template]:
        """Subject, text and HTML."""
        return [
            self._templates.select_template([f"{choice}/{template}.{part}" for choice in (language, FALLBACK_LANGUAGE)])
            for part in PARTS
        ]


def one_line(text: str) -> str:
    """A header value: no line breaks or other control characters, and at most MAX_SUBJECT_LENGTH long."""
    words = "".join(character if character.isprintable() else " " for character in text).split()
    return " ".join(words)[:MAX_SUBJECT_LENGTH]


def _part(content_type: str, content: str) -> MIMEPart:
    part = MIMEPart(policy=POLICY)
    part["Content-Type"] = content_type
    part["Content-Transfer-Encoding"] = BASE64
    part.set_payload(encodebytes(content.encode()).decode("ascii"))
    return part


def _address(spec: str, name: str = "") -> Address:
    """Raises ValueError unless `spec` is exactly one address, in ASCII."""
    try:
        address = Address(name, addr_spec=spec)
    except (MessageError, ValueError, IndexError) as error:
        raise ValueError(f"{spec!r} is not an e-mail address") from error
    if not (spec.isascii() and address.username and address.domain and address.addr_spec == spec):
        raise ValueError(f"{spec!r} is not an e-mail address")
    return address


def _base(language: str) -> str:
    """`sw` of `sw-TZ`; English for anything else than a language code, which must not get into file names."""
    code = language.split("-", 1)[0].lower()
    return code if code.isascii() and code.isalpha() else FALLBACK_LANGUAGE


def _money(value: Mapping[str, Any]) -> str:
    return format_amount(value["amount"], value["currency"])
