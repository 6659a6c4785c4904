"""Where a running platform can be found: `<data>/run.json`, written by `up` and read by the other commands."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from dukan.errors import ProvisionError
from dukan.folderlock import FolderLock
from dukan.installation import Platform
from dukan.secretfile import SecretFile

FILE = "run.json"
DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Running:
    """`mode` is embedded or processes; `amqp` is the broker's URL in the latter."""

    url: str
    pid: int
    mode: str
    amqp: str | None
    data: str

    def admin(self) -> tuple[str, str]:
        """E-mail and password with which the first administrator was made."""
        known = SecretFile(Path(self.data) / "secrets.json").read()
        return known["admin_email"], known["admin_password"]


def announce(platform: Platform) -> None:
    running = Running(platform.url, os.getpid(), platform.mode, platform.amqp, str(platform.data))
    fresh = platform.data / f"{FILE}.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(asdict(running), indent=1))
    fresh.replace(platform.data / FILE)


def withdraw(platform: Platform) -> None:
    (platform.data / FILE).unlink(missing_ok=True)


def find(data: Path) -> Running | None:
    """The platform that runs on this data folder now; None when there is none, or only what a killed one left."""
    try:
        content = json.loads((data / FILE).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    lock = FolderLock(data / "lock")
    if lock.acquire():
        lock.release()
        return None
    return Running(**content)


def reachable(data: Path, url: str | None, email: str | None, password: str | None) -> tuple[str, tuple[str, str]]:
    """Which platform is meant, and as whom: what is given, else the one on the data folder. Raises ProvisionError."""
    found = find(data)
    if email and password:
        return url or (found.url if found else DEFAULT_URL), (email, password)
    if found is None:
        raise ProvisionError("no platform is running: start it with `dukan up`, or give --url, --email, --password")
    return url or found.url, found.admin()
