"""`dukan mail`: the local mailbox, where the embedded platform delivers e-mails."""

import mailbox
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from rich.table import Table

from dukan import running_platform, screen
from dukan.errors import ProvisionError
from dukan.installation import default_data


def folder_of(data: Path | None) -> Path:
    """The given data folder, else that of the platform that runs, else the default one."""
    if data is not None:
        return data
    running = running_platform.find_any(None)
    return Path(running.data) if running else default_data()


def messages(data: Path) -> list[EmailMessage]:
    """All messages, oldest first (file names begin with the time), each once: after a crash one may be sent again."""
    found: dict[str, EmailMessage] = {}
    for file in sorted((data / "mail").glob("*.mbox")):
        box = mailbox.mbox(file, create=False)
        for key in box.iterkeys():
            message = message_from_bytes(box.get_bytes(key), policy=policy.default)
            found.setdefault(str(message["Message-ID"]), message)
        box.close()
    return list(found.values())


def show_list(data: Path) -> None:
    table = Table("n", "date", "to", "subject")
    for number, message in enumerate(messages(data), start=1):
        table.add_row(str(number), *(str(message[header] or "") for header in ("date", "to", "subject")))
    screen.out.print(table if table.row_count else f"no e-mails in {data / 'mail'}")


def show_one(data: Path, number: int) -> None:
    """Headers and text part of message `number`, counted as in the list."""
    found = messages(data)
    if not 1 <= number <= len(found):
        raise ProvisionError(f"there is no message {number}: the mailbox holds {len(found)}")
    message = found[number - 1]
    for header in ("From", "To", "Date", "Subject", "Message-ID"):
        screen.out.print(f"{header}: {message[header] or ''}", markup=False)
    body = message.get_body(preferencelist=("plain", "html"))
    screen.out.print("\n" + (body.get_content() if body else ""), markup=False)
