"""E-mail addresses: one form to store and compare, another to send.

- The domain is stored in Unicode and in lower case: `Bücher.example` and `xn--bcher-kva.example` are one domain (IDNA
  2008, RFC 5891). On the wire it is ASCII.
- The part before the @ is ASCII, stored in lower case. Hosts may tell `Neema@` from `neema@` but are asked not to
  (RFC 5321, section 2.4), and none in use does: accounts that differ in case would share a mailbox.
- Letters outside ASCII before the @ need SMTPUTF8 (RFC 6531) at every host on the way, and our sender does not speak
  it: no mail could reach them.
- No character becomes another one: U+212A (the Kelvin sign), `ｋ` and `ı` are neither k nor i, and `ß` is not ss.
  Accounts elsewhere were taken over by a reset that was looked up in one spelling and sent to another.
"""

import re
from unicodedata import normalize

import idna
from email_validator import EmailNotValidError, ValidatedEmail, validate_email

from common.people.errors import RuleError

CODE = "invalid_email"
MAX_LENGTH = 254
"""RFC 5321, section 4.5.3.1.3, without the angle brackets."""

PUNYCODE_LABEL = re.compile(r"xn--[a-z0-9-]+", re.ASCII | re.IGNORECASE)
LOOK_ALIKE = "The part after the @-sign has a character that stands for another one: use plain letters and dots"
NOT_ASCII = "The part before the @-sign has letters that no mail reaches: only a to z, digits and signs are possible"


def normalised_email(text: str) -> str:
    """The form in which an address is stored and compared. Raises RuleError for what no mail can reach."""
    checked = _checked(text.strip(), allows_unicode=False)
    return f"{checked.local_part.lower()}@{checked.domain}"


def login_name(text: str) -> str:
    """What somebody signs in with, as accounts store it: an address, or a username in lower case.

    Never fails. Older versions accepted addresses that no mail can reach: their owners still sign in with them.
    """
    name = text.strip()
    if "@" not in name:
        return name.lower() if name.isascii() else name
    try:
        return normalised_email(name)
    except RuleError:
        return _older_form(name)


def wire_address(address: str) -> str:
    """The address as SMTP without SMTPUTF8 and message headers have it: its domain in ASCII.

    Raises RuleError if it has no such form.
    """
    local, at, domain = address.rpartition("@")
    if not at or not local.isascii():
        raise RuleError(CODE, NOT_ASCII)
    if domain.isascii():
        return address
    try:
        return f"{local}@{idna.encode(domain, uts46=True).decode('ascii')}"
    except idna.IDNAError as error:
        raise RuleError(CODE, f"{domain!r} is not a domain") from error


def search_spelling(text: str | None) -> str | None:
    """A text to look for in stored addresses: domains in Punycode are spelled in Unicode. None without a text."""
    return PUNYCODE_LABEL.sub(lambda label: _decoded(label[0]), text) if text else None


def _checked(text: str, *, allows_unicode: bool) -> ValidatedEmail:
    local, _, domain = text.rpartition("@")
    if not allows_unicode and not local.isascii():
        raise RuleError(CODE, NOT_ASCII)
    if not _stands_for_itself(domain):
        raise RuleError(CODE, LOOK_ALIKE)
    try:
        # The reserved domain .test is allowed: demonstrations and tests use it. One label alone is not a mail domain.
        checked = validate_email(
            text,
            check_deliverability=False,
            test_environment="." in domain,
            allow_smtputf8=allows_unicode,
            strict=not allows_unicode,
        )
    except EmailNotValidError as error:
        raise RuleError(CODE, str(error)) from error
    if len(checked.normalized) > MAX_LENGTH:
        raise RuleError(CODE, f"An e-mail address has at most {MAX_LENGTH} characters")
    return checked


def _stands_for_itself(domain: str) -> bool:
    """Whether the domain's Unicode form differs from what was written in case and composition only.

    IDNA's mapping (UTS 46) also turns full-width letters, ligatures and other dots into plain ones, and drops invisible
    characters.
    """
    if domain.isascii():
        return True
    if any(not character.isascii() and normalize("NFC", character).isascii() for character in domain):
        return False
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False, transitional=False)
    except idna.IDNAError:
        return True  # the library's message says what is wrong
    lower = "".join(character.lower() for character in normalize("NFC", domain))
    return mapped == normalize("NFC", lower)


def _older_form(name: str) -> str:
    if any(not character.isascii() and normalize("NFKC", character).lower().isascii() for character in name):
        return name
    try:
        return _checked(name, allows_unicode=True).normalized.lower()
    except RuleError:
        return normalize("NFC", name).lower()


def _decoded(label: str) -> str:
    try:
        return idna.decode(label)
    except idna.IDNAError:
        return label
