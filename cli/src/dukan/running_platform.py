"""The address of a running platform: `<data>/run.json`, written by `up` and read by the other commands."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from dukan.errors import ProvisionError
from dukan.folder_lock import FolderLock
from dukan.installation import Platform
from dukan.secret_file import SecretFile

FILE = "run.json"
DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class RunningPlatform:
    """`mode` is embedded or processes; `amqp` is the broker's URL in processes mode."""

    url: str
    pid: int
    mode: str
    amqp: str | None
    data: str

    def admin(self) -> tuple[str, str]:
        """E-mail and password of the first administrator."""
        known = SecretFile(Path(self.data) / "secrets.json").read()
        return known["admin_email"], known["admin_password"]


def announce(platform: Platform) -> None:
    running = RunningPlatform(platform.url, os.getpid(), platform.mode, platform.amqp, str(platform.data))
    fresh = platform.data / f"{FILE}.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(running), indent=1))
    fresh.replace(platform.data / FILE)


def withdraw(platform: Platform) -> None:
    (platform.data / FILE).unlink(missing_ok=True)


def find(data: Path) -> RunningPlatform | None:
    """The platform that runs on this data folder; None if there is none, or only the file of one that was killed."""
    try:
        content = json.loads((data / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    lock = FolderLock(data / "lock")
    if lock.acquire():
        lock.release()
        return None
    return RunningPlatform(**content)


def reachable(data: Path, url: str | None, email: str | None, password: str | None) -> tuple[str, tuple[str, str]]:
    """The URL of the platform and the account to use: the given ones, else those of the data folder.

    Raises ProvisionError if neither exists.
    """
    found = find(data)
    if email and password:
        return url or (found.url if found else DEFAULT_URL), (email, password)
    if found is None:
        raise ProvisionError("no platform is running: start it with `dukan up`, or give --url, --email, --password")
    return url or found.url, found.admin()
