"""Usernames, and those that nobody gives to themselves."""

import re

from common.people.errors import RuleError

CODE = "invalid_username"
RESERVED_CODE = "username_reserved"

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,28}[A-Za-z0-9]")
SEPARATORS = str.maketrans("", "", "._-")
DIGITS = tuple(str.maketrans("01345789", f"o{one}eastbg") for one in "il")
"""Digits as the letters that they look like; 1 looks like two."""

RESERVED_WORDS = """
about abuse access account accounts ad adm admin administration administrator admins ads advertising all analytics
anonymous anybody anyone api app apps assistant audit auth authentication autoconfig autodiscover billing blog bot
bots broadcast cart catalog ceo cfo checkout client config contact contactus content copyright cto customer
customercare customers customerservice daemon dashboard db default delete dev developer developers dns docs dukan edit
editor email emails everybody everyone example faq feedback finance forum founder ftp gateway guest guests health help
helpdesk helpme home host hostmaster http https imap inbox info internal invite invoice invoices isatap it jobs json
legal list lists localdomain localhost login logout mail mailer mailerdaemon manage management manager marketing me
media member members message messages mod moderation moderator moderators mx my myself new news newsletter nobody noc
none noreply notification notifications ns null official operations operator orders owner owners password pay payment
payments phishing pop pop3 postmaster privacy product products profile public recovery refund refunds register
registration reply reports root sales search secure security self seller server service services session settings shop
shops signin signout signup site smtp spam ssl staff stats status store stripe sudo superadmin superuser support
supportteam sys sysadmin sysop system team tech technician telegram terms tls token undefined unknown unsubscribe
update uptime usenet user username users uucp verification verified verify webmail webmaster website welcome whatsapp
wpad www you yourself
"""

RESERVED = frozenset(RESERVED_WORDS.split())


def check_username(username: str) -> str:
    """The username as given: it is stored as written and compared without case. Raises RuleError.

    It is ASCII, so no letter of another script can look like one of it; and it never contains an @, so it cannot be
    mistaken for an e-mail address.
    """
    if not USERNAME.fullmatch(username):
        raise RuleError(
            CODE,
            "A username is 3 to 30 letters, digits, dots, dashes or underscores, with a letter or digit at both ends",
        )
    return username


def check_own_username(username: str) -> str:
    """As `check_username`, for one that somebody chooses: it must not look like the shop's own. Raises RuleError."""
    if is_reserved(check_username(username)):
        raise RuleError(RESERVED_CODE, "This username is reserved, choose another")
    return username


def is_reserved(username: str) -> bool:
    """`Admin`, `a.d.m.i.n` and `adm1n` are read as admin."""
    plain = username.lower().translate(SEPARATORS)
    return not RESERVED.isdisjoint({plain, *(plain.translate(digits) for digits in DIGITS)})
